"""A server whose answers a test chooses: an identity provider, a PowerSync, a stand-in."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.loopback import Request, Response

Answer = Callable[[Request], Response]


def as_json(document: object, status: int = 200, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, json.dumps(document).encode(), named)


@dataclass
class Server:
    """A server on loopback whose paths a test may have answered otherwise."""

    answers: dict[str, Answer] = field(default_factory=dict)
    broken: dict[str, Answer] = field(default_factory=dict)
    origin: str = ""

    def respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            allowed = {"Allow-Origin": "*", "Allow-Headers": "authorization"}
            named = {f"Access-Control-{name}": value for name, value in allowed.items()}
            return Response(204, headers=named)
        path = request.path.partition("?")[0]
        for answers in (self.broken, self.answers):
            if path in answers:
                return answers[path](request)
        return Response(404)
