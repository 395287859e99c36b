"""Our token functions as API Gateway sees them: payload 2.0 events in, answers out."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from tests.api_gateway import lambda_event
from token_service.endpoints.anonymous import AnonymousSubjects, FormerTokens
from token_service.endpoints.api import TokenService, anonymous_app, signed_in_app
from token_service.endpoints.jwks import JWKS_PATH, JwksEndpoint
from token_service.handlers.wiring import lambda_handler
from token_service.identity.providers import IdentityProviders
from token_service.keys import keyring, publication
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.publication import PublishedKey
from token_service.keys.ring_cache import RingCache
from token_service.keys.ring_store import StoredRing
from token_service.keys.tokens import TokenIssuer
from token_service.settings import JwksSettings

ISSUER = "https://tokens.test"
AUDIENCE = "https://instance.powersync.test"
REMEMBER = 30 * 86_400

Handler = Callable[[Any, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> Mapping[str, Any]:
        content: Mapping[str, Any] = json.loads(self.body)
        return content

    @property
    def claims(self) -> Mapping[str, Any]:
        """Of the token in the answer, which PowerSync would verify."""
        claims: Mapping[str, Any] = jwt.decode(
            self.json["token"], options={"verify_signature": False}
        )
        return claims


class Deployment:
    """The functions behind the API over one key ring.

    Attributes:
        published: The document that the JWKS function reads.
    """

    def __init__(
        self,
        providers: IdentityProviders,
        clock: Callable[[], float],
        anonymous: str = "per-device",
    ) -> None:
        self.clock = clock
        self.ring = keyring.bootstrap(lambda: generate_signing_key("ES256", int(clock())))
        self._rings = RingCache(
            lambda: StoredRing("version", self.ring, 0.0), clock, refresh_after=0, max_age=3600
        )
        service = TokenService(
            issuer=TokenIssuer(ISSUER, [AUDIENCE], 300),
            powersync_url=AUDIENCE,
            rings=self._rings,
            anonymous=AnonymousSubjects(anonymous, REMEMBER, ISSUER, FormerTokens.EXCHANGE, clock),
            clock=clock,
        )
        keys = {
            key.kid: PublishedKey(
                {**key.public_jwk, "kid": key.kid, "alg": key.alg, "use": "sig"}, clock()
            )
            for key in self.ring.keys
        }
        self.published = publication.dumps(keys, generation=1)
        jwks = JwksSettings("/jwks", cache_seconds=60, max_age_seconds=120, routes={})
        self._handlers: dict[str, Handler] = {
            JWKS_PATH: JwksEndpoint(jwks, lambda: self.published, clock),
            "/token": lambda_handler(signed_in_app(service, providers)),
            "/token/anonymous": lambda_handler(anonymous_app(service)),
        }

    def token(self, credential: str | None = None, anonymous: str | None = None) -> Answer:
        """`GET /token` with a bearer credential and an anonymous token."""
        headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
        return self.get("/token", headers | _anonymous_header(anonymous))

    def anonymous_token(self, previous: str | None = None) -> Answer:
        """`GET /token/anonymous` with the previous anonymous token."""
        return self.get("/token/anonymous", _anonymous_header(previous))

    def get(
        self, path: str, headers: Mapping[str, str], method: str = "GET", **event: object
    ) -> Answer:
        """One request; API Gateway joins headers of one name with a comma before this.

        `event` replaces members of the event.
        """
        result = self._handlers[path](lambda_event(path, headers, method, **event), None)
        return Answer(result["statusCode"], result["headers"], result.get("body", ""))


def _anonymous_header(token: str | None) -> dict[str, str]:
    return {} if token is None else {"x-anonymous-token": token}
