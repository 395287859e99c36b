"""Takes all measurements of one run, side by side: every round measures every contestant once.

CPU time, of the whole process. The least of several rounds counts, among those in which the process
had its core to itself: on a busy virtual machine the kernel subtracts what it believes others have
taken, and now and then too much.
"""

import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bundle import AWS, lambda_bundle
from tests.benchmarks import contestants
from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.contestants import ANONYMOUS, HERE, JWKS, ROOT, Contestant, signed_in
from tests.benchmarks.load import measure_load
from tests.benchmarks.processes import Container, OriginalFunction, cold_start, import_cost

SIMULATED_TOKENS = 10_000
SIMULATED_SECONDS = 600
SEED = 20261123
USERS_PER_BATCH = 100
UNDISTURBED = 0.97
"""The least part of real time that is CPU time while nobody else has the core."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        sessions: How often all warm containers are started anew: where a process happens to lie
            in memory makes a difference too.
        rounds: How many batches each of them answers in a session, in turn. Batches are short, a
            hundredth of a second or two, so that some fall into quiet moments of the machine.
        cold_starts: How many of each kind.
        load_seconds: For how long parallel clients ask the stack that is deployed locally.
    """

    sessions: int = 3
    rounds: int = 20
    cold_starts: int = 11
    load_seconds: float = 30.0


Measurements = dict[str, float]
"""Figures by name: seconds of CPU (per answer or per cold start), bytes, or counts.

Those of `local.` are real time instead."""

WAYS_TO_AWS = {
    "import.boto3": "import boto3; boto3.client('secretsmanager', 'us-east-1')",
    "import.botocore_signer": "import http.client; from botocore.auth import SigV4Auth",
    "import.ours": "import token_service.aws_json",
}
"""What a cold start would import to call AWS, and ours."""


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
        """The limit, with the same `cryptography` as ours."""
        path = [self.anonymous.path[0], str(HERE)]
        return Contestant(path, f"bare.{name}", {"private_key": self.provider_pem})

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


def measure(effort: Effort, progress: Callable[[str], None]) -> Measurements:
    """Everything that the table of figures is made of."""
    users = USERS_PER_BATCH * (effort.rounds + 1) * effort.sessions
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, LoopbackAws() as aws:
        progress("building the zips")
        field = Field.prepare(Path(folder), aws, users)
        figures: Measurements = {
            "ours.zip_bytes": lambda_bundle(target=AWS).stat().st_size,
            "tutorial.zip_bytes": contestants.zipped_size(field.tutorial),
        }
        progress("warm containers")
        figures |= _warm(field, effort)
        progress("cold starts")
        figures |= _cold(field, effort)
        progress(f"{SIMULATED_TOKENS} tokens over {SIMULATED_SECONDS} simulated seconds")
        figures |= _simulated(field, effort)
        progress("imports")
        figures |= _imports(field, effort)
    return figures | measure_load(effort.load_seconds, progress)


@dataclass
class Rounds:
    """What every round took, by contestant: seconds of CPU and of real time per answer."""

    taken: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, batch: Mapping[str, Any], count: int) -> None:
        self.taken[name].append((batch["cpu"] / count, batch["wall"] / count))

    def least(self) -> Measurements:
        """The best undisturbed round of each; raises `RuntimeError` where there was none."""
        result: Measurements = {}
        for name, rounds in self.taken.items():
            undisturbed = [cpu for cpu, wall in rounds if cpu >= UNDISTURBED * wall]
            if not undisturbed:
                raise RuntimeError(f"this machine is too busy to measure {name}")
            result[name] = min(undisturbed)
        return result


def _warm(field: Field, effort: Effort) -> Measurements:
    rounds = Rounds()
    credentials = iter(field.credentials)
    for _ in range(effort.sessions):
        _session(field, effort.rounds, credentials, rounds.add)
    return rounds.least()


def _session(
    field: Field,
    rounds: int,
    credentials: Iterator[str],
    keep: Callable[[str, Mapping[str, Any], int], None],
) -> None:
    with ExitStack() as stack:

        def start(contestant: Contestant) -> Container:
            return stack.enter_context(Container(contestant))

        containers = {
            "bare.sign_es256": (start(field.bare("sign_es256")), 800),
            "bare.sign_rs256": (start(field.bare("sign_rs256")), 80),
            "bare.verify_rs256": (start(field.bare("verify_rs256")), 800),
            "ours.anonymous": (start(field.anonymous), 200),
            "ours.anonymous_rs256": (start(field.at_rs256()), 60),
            "ours.jwks": (start(field.jwks), 5000),
            "tutorial.anonymous": (start(field.tutorial_anonymous), 25),
            "tutorial.jwks": (start(field.tutorial_jwks), 25),
        }
        unchanged, device = start(field.jwks), start(field.anonymous)
        users = start(field.signed_in)
        originals = {
            f"original.{alg.lower()}": stack.enter_context(OriginalFunction(alg))
            for alg in ("RS256", "ES256")
        }
        for _ in range(rounds + 1):
            for name, (container, count) in containers.items():
                keep(name, container.batch(count), count)
            answer = unchanged.batch(5000, [_not_modified(unchanged)], status=304)
            keep("ours.jwks_not_modified", answer, 5000)
            answer = device.batch(100, [_remembered(device)])
            keep("ours.anonymous_remembered", answer, 100)
            events = [signed_in(each) for each in islice(credentials, USERS_PER_BATCH)]
            keep("ours.signed_in", users.batch(len(events), events), len(events))
            for name, original in originals.items():
                keep(name, original.batch(25), 25)


def _not_modified(container: Container) -> dict[str, object]:
    """A request for the JWKS by somebody who has it already."""
    headers = {key.lower(): value for key, value in container.cold["answer"]["headers"].items()}
    return contestants.event("/.well-known/jwks.json", {"if-none-match": headers["etag"]})


def _remembered(container: Container) -> dict[str, object]:
    """A request by an anonymous device that shows its last token."""
    token = json.loads(container.cold["answer"]["body"])["token"]
    return contestants.event("/token/anonymous", {"x-anonymous-token": token})


def _cold(field: Field, effort: Effort) -> Measurements:
    compared = {
        "ours.cold_anonymous": field.anonymous,
        "ours.cold_signed_in": field.signed_in,
        "ours.cold_jwks": field.jwks,
        "tutorial.cold_anonymous": field.tutorial_anonymous,
        "tutorial.cold_jwks": field.tutorial_jwks,
    }
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(effort.cold_starts):
        for name, contestant in compared.items():
            taken[name].append(cold_start(contestant)["cpu"])
    # They wait for AWS, so an undisturbed one cannot be told by its real time.
    return {name: median(seconds) for name, seconds in taken.items()}


def _imports(field: Field, effort: Effort) -> Measurements:
    """What the ways to call AWS cost a cold start, all with bytecode at hand."""
    env = {**field.anonymous.env, "PYTHONPATH": str(ROOT / "lambda_src")}
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(effort.cold_starts):
        for name, statements in WAYS_TO_AWS.items():
            taken[name].append(import_cost(statements, env))
    return {name: median(seconds) for name, seconds in taken.items()}


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
        answer = container.batch(2000)
        figures["tutorial.anonymous_peak_memory"] = answer["peak_memory"]
    return figures
