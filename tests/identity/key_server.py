"""An identity provider that is no more than a key set, so that tests can forge its tokens."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from tests.loopback import Request, Response, serving

EdPrivateKey = ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | EdPrivateKey
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


@dataclass
class KeyServer:
    """Serves `keys` at `uri` on loopback, or else `answer`, and remembers what was asked."""

    keys: Sequence[Mapping[str, Any]] = field(default_factory=list)
    answer: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._serving = serving(self._respond)
        self.uri = f"{self._serving.__enter__()}/keys"
        return self

    def _respond(self, request: Request) -> Response:
        self.requests.append(request)
        body = json.dumps({"keys": self.keys}).encode() if self.answer is None else self.answer
        return Response(self.status, body, self.headers)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._serving.__exit__(kind, error, traceback)
