"""An identity provider that is no more than a key set, so that tests can forge its tokens."""

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
ALGORITHMS = get_default_algorithms()


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def as_segment(content: object) -> str:
    """Compact JSON in base64url; a string or bytes are taken as they are."""
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, bytes):
        content = json.dumps(content, separators=(",", ":")).encode()
    return encode(content)


def public_jwk(key: PrivateKey, **members: object) -> dict[str, Any]:
    """The public half of a key as a JWK."""
    family = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
    name = next((alg for kind, alg in family.items() if isinstance(key, kind)), "EdDSA")
    jwk: dict[str, Any] = ALGORITHMS[name].to_jwk(key.public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, **members}


def sign(header: object, payload: object, key: PrivateKey, alg: str) -> str:
    """A token with this header and payload, whatever they are, signed as `alg`."""
    signing_input = f"{as_segment(header)}.{as_segment(payload)}"
    return f"{signing_input}.{encode(ALGORITHMS[alg].sign(signing_input.encode(), key))}"


@dataclass(frozen=True)
class Request:
    """What was asked of the server."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class KeyServer:
    """Serves `keys` at `uri` on loopback, or else `answer`, and remembers what was asked."""

    keys: Sequence[Mapping[str, Any]] = field(default_factory=list)
    answer: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Request(self.command, self.path, headers, self.rfile.read(length))
                server.requests.append(asked)
                body = json.dumps({"keys": server.keys}).encode()
                body = body if server.answer is None else server.answer
                self.send_response(server.status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/keys"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
