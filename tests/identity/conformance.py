"""The issuer of the OpenID Foundation's conformance suite, and the functions that trust it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.identity.clock import MovableClock
from tests.identity.key_server import PrivateKey, public_jwk, sign
from tests.identity.service import ISSUER, Answer, Deployment
from tests.loopback import Request, Response
from token_service.identity.providers import IdentityProviders

CLIENT = "our-client"
DISCOVERY = "/.well-known/openid-configuration"
USERINFO = "/userinfo"

RSA_KEY, OTHER_RSA_KEY, STRANGER = (rsa.generate_private_key(65537, 2048) for _ in range(3))
EC_KEY, EC_STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
RS256 = public_jwk(RSA_KEY, kid="rsa", alg="RS256", use="sig")
ES256 = public_jwk(EC_KEY, kid="ec", alg="ES256", use="sig")
UNUSABLE = [
    {"kty": "AKP", "alg": "ML-DSA-9999", "kid": "pq", "use": "sig", "pub": "cGxhY2Vob2xkZXI"},
    {"kty": "UNSUPPORTED", "alg": "UNSUPPORTED", "kid": "unsupported", "use": "sig"},
]


@dataclass
class Provider:
    """The suite's issuer: metadata, keys and userinfo, each of which a row may change.

    Attributes:
        metadata: Replaces members of the discovery document.
        jwks_path: Where the keys are; nothing else is told of it but the document.
        asked: The paths that were asked for.
    """

    issuer: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [RS256, ES256])
    metadata: dict[str, object] = field(default_factory=dict)
    userinfo: Response = field(default_factory=lambda: Response(500))
    jwks_path: str = "/jwks"
    asked: list[str] = field(default_factory=list)

    def respond(self, request: Request) -> Response:
        self.asked.append(request.path)
        if request.path == USERINFO:
            return self.userinfo
        document = {
            "issuer": self.issuer,
            "jwks_uri": self.issuer + self.jwks_path,
            "userinfo_endpoint": self.issuer + USERINFO,
            **self.metadata,
        }
        pages: dict[str, object] = {DISCOVERY: document, self.jwks_path: {"keys": self.keys}}
        page = pages.get(request.path)
        return Response(404) if page is None else Response(200, json.dumps(page).encode())

    def token(
        self,
        head: Mapping[str, object] | None = None,
        key: PrivateKey = RSA_KEY,
        without: str = "",
        **changes: object,
    ) -> str:
        """A token as this issuer makes them, but for what is given."""
        header = {"alg": "RS256", "kid": "rsa"} if head is None else head
        return sign(header, self.claims(without, **changes), key, str(header["alg"]))

    def claims(self, without: str = "", **changes: object) -> dict[str, Any]:
        now = int(time.time())
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": self.issuer, "sub": "alice", "aud": CLIENT, **times, **changes}
        claims.pop(without, None)
        return claims


@dataclass(frozen=True)
class World:
    """The suite's issuer, and the functions that trust it."""

    provider: Provider
    clock: MovableClock

    def ask(self, token: str, **settings: object) -> Answer:
        """What `/token` of a new deployment answers."""
        return self.deploy(**settings).token(token)

    def deploy(self, **settings: object) -> Deployment:
        item = {"issuer": self.provider.issuer, "audiences": [CLIENT], **settings}
        providers = IdentityProviders.from_settings(
            [item], own_issuer=ISSUER, clock=self.clock, allow_nearby_http=True
        )
        return Deployment(providers, self.clock)
