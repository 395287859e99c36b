"""Takes all measurements of one run, side by side: every round measures every contestant once.

CPU time, of the whole process. The least of several rounds counts: noise only ever adds.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bundle import AWS, lambda_bundle
from tests.benchmarks import contestants
from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.contestants import ANONYMOUS, HERE, JWKS, Contestant, signed_in
from tests.benchmarks.processes import Container, OriginalFunction, cold_start

SIMULATED_TOKENS = 10_000
SIMULATED_SECONDS = 600
SEED = 20261123


@dataclass(frozen=True)
class Effort:
    """How much is measured; `batches` scales the answers per batch."""

    rounds: int = 15
    cold_starts: int = 9
    batches: float = 1.0

    def size(self, count: int) -> int:
        return max(1, int(count * self.batches))


Measurements = dict[str, float]
"""Figures by name: seconds of CPU (per answer or per cold start), bytes, or counts."""


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
            return Contestant([str(ours)], f"token_service.handlers.{name}.handler", event, env)

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
        return {"auth": self.signed_in, "auth_anonymous": self.anonymous, "jwks": self.jwks}

    def bare(self, name: str) -> Contestant:
        """The limit, with the same `cryptography` as ours."""
        path = [self.anonymous.path[0], str(HERE)]
        return Contestant(path, f"bare.{name}", {"private_key": self.provider_pem})

    def at_rs256(self) -> Contestant:
        env = {**self.anonymous.env, "KEYRING_SECRET_ARN": contestants.RS256_ARN}
        return replace(self.anonymous, env=env)


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


def measure(effort: Effort, progress: Callable[[str], None]) -> Measurements:
    """Everything that the table of figures is made of."""
    users_per_batch = effort.size(200)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, LoopbackAws() as aws:
        progress("building the zips")
        field = Field.prepare(Path(folder), aws, users_per_batch * (effort.rounds + 1))
        figures: Measurements = {
            "ours.zip_bytes": lambda_bundle(target=AWS).stat().st_size,
            "tutorial.zip_bytes": contestants.zipped_size(field.tutorial),
        }
        progress("warm containers")
        figures |= _warm(field, effort, users_per_batch)
        progress("cold starts")
        figures |= _cold(field, effort)
        progress(f"{SIMULATED_TOKENS} tokens over {SIMULATED_SECONDS} simulated seconds")
        figures |= _simulated(field, effort)
    return figures


def _warm(field: Field, effort: Effort, users_per_batch: int) -> Measurements:
    least: Measurements = {}

    def keep(name: str, cpu: float, count: int) -> None:
        least[name] = min(least.get(name, float("inf")), cpu / count)

    with ExitStack() as stack:

        def start(contestant: Contestant) -> Container:
            return stack.enter_context(Container(contestant))

        containers = {
            "bare.sign_es256": (start(field.bare("sign_es256")), 4000),
            "bare.sign_rs256": (start(field.bare("sign_rs256")), 400),
            "bare.verify_rs256": (start(field.bare("verify_rs256")), 4000),
            "ours.anonymous": (start(field.anonymous), 1000),
            "ours.anonymous_rs256": (start(field.at_rs256()), 400),
            "ours.jwks": (start(field.jwks), 4000),
            "tutorial.anonymous": (start(field.tutorial_anonymous), 200),
            "tutorial.jwks": (start(field.tutorial_jwks), 200),
        }
        unchanged = start(field.jwks)
        headers = {k.lower(): v for k, v in unchanged.cold["answer"]["headers"].items()}
        not_modified = [
            contestants.event("/.well-known/jwks.json", {"if-none-match": headers["etag"]})
        ]
        device = start(field.anonymous)
        last_token = json.loads(device.cold["answer"]["body"])["token"]
        remembered = [contestants.event("/token/anonymous", {"x-anonymous-token": last_token})]
        users = start(field.signed_in)
        originals = {
            f"original.{alg.lower()}": stack.enter_context(OriginalFunction(alg))
            for alg in ("RS256", "ES256")
        }
        for number in range(effort.rounds + 1):
            for name, (container, usual) in containers.items():
                count = effort.size(usual)
                keep(name, container.batch(count)["cpu"], count)
            count = effort.size(4000)
            answer = unchanged.batch(count, not_modified, status=304)
            keep("ours.jwks_not_modified", answer["cpu"], count)
            count = effort.size(400)
            keep("ours.anonymous_remembered", device.batch(count, remembered)["cpu"], count)
            batch = field.credentials[number * users_per_batch : (number + 1) * users_per_batch]
            events = [signed_in(credential) for credential in batch]
            keep("ours.signed_in", users.batch(len(events), events)["cpu"], len(events))
            for name, original in originals.items():
                count = effort.size(200)
                keep(name, original.batch(count)["cpu"], count)
    return least


def _cold(field: Field, effort: Effort) -> Measurements:
    compared = {
        "ours.cold_anonymous": field.anonymous,
        "ours.cold_signed_in": field.signed_in,
        "ours.cold_jwks": field.jwks,
        "tutorial.cold_anonymous": field.tutorial_anonymous,
        "tutorial.cold_jwks": field.tutorial_jwks,
    }
    least = dict.fromkeys(compared, float("inf"))
    for _ in range(effort.cold_starts):
        for name, contestant in compared.items():
            least[name] = min(least[name], cold_start(contestant)["cpu"])
    return least


def _simulated(field: Field, effort: Effort) -> Measurements:
    """Ten minutes of a warm container's life: its calls to AWS and its peak memory."""
    figures: Measurements = {}
    for name, contestant in {
        "anonymous": field.anonymous,
        "signed_in": field.signed_in,
        "jwks": field.jwks,
    }.items():
        field.aws.calls.clear()
        events = [contestant.event]
        if name == "signed_in":
            # Few enough that the events themselves do not count as memory of the container.
            events = [signed_in(credential) for credential in field.credentials[:100]]
        with Container(contestant, shift_clocks=True) as container:
            advance = SIMULATED_SECONDS / SIMULATED_TOKENS
            answer = container.batch(SIMULATED_TOKENS, events, advance=advance)
        figures[f"ours.{name}_peak_memory"] = answer["peak_memory"]
        figures[f"ours.{name}_aws_calls"] = field.aws.calls.total()
    with Container(field.tutorial_anonymous) as container:
        answer = container.batch(effort.size(2000))
        figures["tutorial.anonymous_peak_memory"] = answer["peak_memory"]
    return figures
