"""AWS on loopback for a benchmark: the calls that read, and an identity provider's keys.

It answers Secrets Manager's `GetSecretValue` and `DescribeSecret`, SSM's `GetParameter` and KMS's
`Decrypt` (JSON 1.1 protocol) over plain HTTP and counts every call. What TLS costs is left out, for
everything compared alike.
"""

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

VERSION_ID = "8c1f4a52-7b1c-4a57-9a59-6f7f1c7f3d0e"


class LoopbackAws:
    """Serves while its `with` block lasts.

    Attributes:
        secrets: Values of secrets by their ARN.
        parameters: Values of SSM parameters by their name, written at the time 0.
        plaintexts: What is in ciphertexts; both in base64.
        pages: Bodies of plain GET requests by their path.
        calls: How often each AWS action was called.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.plaintexts: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, action: str, parameters: dict[str, str]) -> dict[str, object]:
        """The result of one call; raises `KeyError` for what is not there."""
        self.calls[action] += 1
        if action == "GetSecretValue":
            arn = parameters["SecretId"]
            return {
                "ARN": arn,
                "Name": "signing-keys",
                "VersionId": VERSION_ID,
                "VersionStages": ["AWSCURRENT"],
                "CreatedDate": time.time(),
                "SecretString": self.secrets[arn],
            }
        if action == "DescribeSecret":
            return {
                "VersionIdsToStages": {VERSION_ID: ["AWSCURRENT"]},
                "RotationEnabled": True,
            }
        if action == "GetParameter":
            name = parameters["Name"]
            return {
                "Parameter": {
                    "Name": name,
                    "Type": "String",
                    "Value": self.parameters[name],
                    "Version": 1,
                    "LastModifiedDate": 0.0,
                }
            }
        if action == "Decrypt":
            return {"Plaintext": self.plaintexts[parameters["CiphertextBlob"]]}
        raise KeyError(action)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler_for(aws: LoopbackAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            action = self.headers["X-Amz-Target"].rpartition(".")[2]
            try:
                status, answer = 200, aws.answer(action, json.loads(body))
            except KeyError as missing:
                status = 400
                answer = {"__type": "ResourceNotFoundException", "message": f"no {missing}"}
            self._reply(status, json.dumps(answer))

        def do_GET(self) -> None:
            page = aws.pages.get(self.path)
            self._reply(200 if page else 404, page or "{}")

        def _reply(self, status: int, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
            """Say nothing on stderr."""

    return Handler
