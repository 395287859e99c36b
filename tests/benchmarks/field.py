"""The contestants of one run, made ready together."""

import random
import time
from dataclasses import dataclass, replace
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.benchmarks import contestants
from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.contestants import ANONYMOUS, HERE, JWKS, Contestant, signed_in

SEED = 20261123


@dataclass(frozen=True)
class Field:
    """The contestants of one run."""

    anonymous: Contestant
    signed_in: Contestant
    jwks: Contestant
    tutorial_anonymous: Contestant
    tutorial_jwks: Contestant
    credentials: list[str]
    provider_pem: str
    aws: LoopbackAws
    tutorial: Path

    @classmethod
    def prepare(
        cls, folder: Path, aws: LoopbackAws, credentials: int, *, tutorial: bool = True
    ) -> "Field":
        """Build what is compared; `credentials` is how many users sign in."""
        provider_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        contestants.publish_keys(aws, provider_key)
        ours = contestants.unpack_ours(folder)
        tutorial_build = folder / "tutorial"
        if tutorial:
            contestants.build_tutorial(tutorial_build)
        env = contestants.function_environment(aws)
        users = make_credentials(provider_key, credentials)

        def own(name: str, event: dict[str, object]) -> Contestant:
            return Contestant([str(ours)], _handler(name), event, env)

        def theirs(event: dict[str, object]) -> Contestant:
            tutorial_env = {**env, "KEYRING_SECRET_ARN": contestants.TUTORIAL_ARN}
            return Contestant([str(tutorial_build)], "app.handler", event, tutorial_env)

        return cls(
            anonymous=own("auth_anonymous", ANONYMOUS),
            signed_in=own("auth", signed_in(users[0])),
            jwks=own("jwks", JWKS),
            tutorial_anonymous=theirs(ANONYMOUS),
            tutorial_jwks=theirs(JWKS),
            credentials=users,
            provider_pem=provider_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            aws=aws,
            tutorial=tutorial_build,
        )

    def functions(self) -> dict[str, Contestant]:
        """Our functions by name."""
        return {
            "auth": self.signed_in,
            "auth_anonymous": self.anonymous,
            "jwks": self.jwks,
            "rotate": replace(self.jwks, handler=_handler("rotate"), event={"action": "status"}),
        }

    def bare(self, name: str) -> Contestant:
        """The limit, with the same packages as ours."""
        path = [self.anonymous.path[0], str(HERE)]
        return Contestant(path, name, self.bare_events(1)[0])

    def bare_events(self, users: int) -> list[dict[str, str]]:
        """What the limit is given for so many users, each for the first time."""
        return [
            {
                "private_key": self.provider_pem,
                "audience": contestants.IDENTITY_AUDIENCE,
                "issuer": contestants.IDENTITY_PROVIDER,
                "credential": credential,
            }
            for credential in self.credentials[:users]
        ]

    def at_rs256(self) -> Contestant:
        env = {**self.anonymous.env, "KEYRING_SECRET_ARN": contestants.RS256_ARN}
        return replace(self.anonymous, env=env)


def _handler(function: str) -> str:
    return f"token_service.handlers.{function}.handler"


def make_credentials(key: rsa.RSAPrivateKey, count: int) -> list[str]:
    """Access tokens of `count` users, each different, valid for an hour."""
    generator = random.Random(SEED)
    now = int(time.time())
    return [
        jwt.encode(
            {
                "iss": contestants.IDENTITY_PROVIDER,
                "aud": contestants.IDENTITY_AUDIENCE,
                "sub": f"user-{generator.getrandbits(64):016x}",
                "iat": now - 10,
                "exp": now + 3600,
                "jti": f"{generator.getrandbits(128):032x}",
                "scope": "openid profile",
            },
            key,
            "RS256",
            {"kid": "provider-1"},
        )
        for _ in range(count)
    ]
