"""Takes all measurements of one run, side by side: every round measures every contestant once.

CPU time, of the whole process. The least of several rounds counts, among those in which the process
had its core to itself: on a busy virtual machine the kernel subtracts what it believes others have
taken, and now and then too much.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from powersync_auth.bundle import AWS, lambda_bundle
from tests.api_gateway import lambda_event
from tests.benchmarks import contestants
from tests.benchmarks.aws import LoopbackAws
from tests.benchmarks.contestants import ROOT, Contestant, signed_in
from tests.benchmarks.field import Field
from tests.benchmarks.load import measure_load
from tests.benchmarks.processes import Container, OriginalFunction, cold_start, import_cost
from tests.benchmarks.rounds import Rounds, TooBusyError, best_of

SIMULATED_TOKENS = 10_000
SIMULATED_SECONDS = 600
USERS_PER_BATCH = 100
SLICES = 8
"""Of each batch. A slice lasts two or three milliseconds: on a machine that others keep busy, few
processes have a core to themselves for longer."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        sessions: How often all warm containers are started anew: where a process happens to lie
            in memory makes a difference too.
        most_sessions: How often at most, on a machine that others keep busy.
        rounds: How many batches each of them answers in a session, in turn. They are measured in
            slices, so that some fall into quiet moments of the machine.
        cold_starts: How many of each kind.
        load_seconds: For how long parallel clients ask the stack that is deployed locally.
    """

    sessions: int = 3
    most_sessions: int = 12
    rounds: int = 20
    cold_starts: int = 11
    load_seconds: float = 30.0


Measurements = dict[str, float]
"""Figures by name: seconds of CPU (per answer or per cold start), bytes, or counts.

Those of `local.` are real time instead."""

WAYS_TO_AWS = {
    "import.boto3": "import boto3; boto3.client('secretsmanager', 'us-east-1')",
    "import.botocore_signer": "import http.client; from botocore.auth import SigV4Auth",
    "import.ours": "import token_service.aws.aws_json",
    "import.ours_and_authorities": (
        "import token_service.aws.aws_json; from token_service.aws import tls; tls.client_context()"
    ),
}
"""What a cold start would import to call AWS; and ours, without and with reading the certificate
authorities, which its first call does."""


def measure(effort: Effort, progress: Callable[[str], None]) -> Measurements:
    """Everything that the table of figures is made of.

    Raises `TooBusyError`, at the end and with all the rest, where others kept the machine so busy
    that a warm container was never seen undisturbed.
    """
    users = USERS_PER_BATCH * (effort.rounds + 1)
    # First, as a stack that does not deploy is known at once then, and not after all the rest.
    load = measure_load(effort.load_seconds, progress)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, LoopbackAws() as aws:
        progress("building the zips")
        field = Field.prepare(Path(folder), aws, users)
        bundle = lambda_bundle(target=AWS)
        figures: Measurements = {
            "ours.zip_bytes": bundle.stat().st_size,
            "ours.zip_bytecode_files": contestants.bytecode_files(bundle),
            "tutorial.zip_bytes": contestants.zipped_size(field.tutorial),
        }
        progress("warm containers")
        busy: TooBusyError | None = None
        try:
            figures |= _warm(field, effort)
        except TooBusyError as error:
            figures |= error.measured
            busy = error
        progress("cold starts")
        figures |= _cold(field, effort)
        progress(f"{SIMULATED_TOKENS} tokens over {SIMULATED_SECONDS} simulated seconds")
        figures |= _simulated(field, effort)
        progress("imports")
        figures |= _imports(field, effort)
    figures |= load
    if busy is not None:
        raise TooBusyError(str(busy), figures)
    return figures


def _warm(field: Field, effort: Effort) -> Measurements:
    return best_of(
        lambda rounds: _session(field, effort.rounds, rounds),
        effort.sessions,
        effort.most_sessions,
    )


def _session(field: Field, turns: int, rounds: Rounds) -> None:
    """All containers, started anew: none of them remembers a credential of the session before."""
    credentials = iter(field.credentials)

    def keep(name: str, container: Container, count: int, **more: Any) -> None:
        for cpu, wall, answers in container.batch(count, slices=SLICES, **more)["slices"]:
            rounds.add(name, cpu, wall, answers)

    with ExitStack() as stack:

        def start(contestant: Contestant) -> Container:
            return stack.enter_context(Container(contestant))

        containers = {
            "bare.sign_es256": (start(field.bare("bare.sign_es256")), 800),
            "bare.sign_rs256": (start(field.bare("bare.sign_rs256")), 80),
            "bare.verify_rs256": (start(field.bare("bare.verify_rs256")), 800),
            "bare.encode_es256": (start(field.bare("bare.encode_es256")), 400),
            "ours.anonymous": (start(field.anonymous), 200),
            "ours.anonymous_rs256": (start(field.at_rs256()), 60),
            "ours.jwks": (start(field.jwks), 5000),
            "tutorial.anonymous": (start(field.tutorial_anonymous), 25),
            "tutorial.jwks": (start(field.tutorial_jwks), 25),
        }
        unchanged, device = start(field.jwks), start(field.anonymous)
        users, pyjwt = start(field.signed_in), start(field.bare("bare.decode_and_encode"))
        pyjwt.batch(1, field.bare_events(USERS_PER_BATCH))
        originals = {
            f"original.{alg.lower()}": stack.enter_context(OriginalFunction(alg))
            for alg in ("RS256", "ES256")
        }
        for _ in range(turns + 1):
            for name, (container, count) in containers.items():
                keep(name, container, count)
            events = [_not_modified(unchanged)]
            keep("ours.jwks_not_modified", unchanged, 5000, events=events, status=304)
            keep("ours.anonymous_remembered", device, 100, events=[_remembered(device)])
            events = [signed_in(each) for each in islice(credentials, USERS_PER_BATCH)]
            keep("ours.signed_in", users, len(events), events=events)
            keep("bare.decode_and_encode", pyjwt, USERS_PER_BATCH)
            for name, original in originals.items():
                for _ in range(SLICES):
                    answer = original.batch(3)
                    rounds.add(name, answer["cpu"], answer["wall"], 3)


def _length(answer: Mapping[str, Any]) -> int:
    """Bytes of an answer's header fields and body, as HTTP/1.1 has them."""
    fields = sum(len(f"{name}: {value}\r\n") for name, value in answer["headers"].items())
    return fields + len(answer["body"].encode())


def _not_modified(container: Container) -> dict[str, object]:
    """A request for the JWKS by somebody who has it already."""
    headers = {key.lower(): value for key, value in container.cold["answer"]["headers"].items()}
    return lambda_event("/.well-known/jwks.json", {"if-none-match": headers["etag"]})


def _remembered(container: Container) -> dict[str, object]:
    """A request by an anonymous device that shows its token."""
    token = json.loads(container.cold["answer"]["body"])["deviceToken"]
    return lambda_event("/token/anonymous", {"x-anonymous-token": token})


_SHORT_STARTS = ("ours.cold_jwks", "bare.cold_interpreter")
"""Cold starts of which more are needed: what disturbs one is a large part of it."""


def _cold(field: Field, effort: Effort) -> Measurements:
    compared = {
        "ours.cold_anonymous": field.anonymous,
        "ours.cold_signed_in": field.signed_in,
        "ours.cold_jwks": field.jwks,
        "tutorial.cold_anonymous": field.tutorial_anonymous,
        "tutorial.cold_jwks": field.tutorial_jwks,
        "bare.cold_interpreter": field.bare("bare_interpreter.handler"),
        "bare.cold_imports": field.bare("bare_imports.handler"),
    }
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(effort.cold_starts):
        for name in (*compared, *_SHORT_STARTS * 3):
            taken[name].append(cold_start(compared[name])["cpu"])
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
        if name == "anonymous":
            figures["ours.anonymous_answer_length"] = _length(container.cold["answer"])
    with Container(field.tutorial_anonymous) as container:
        answer = container.batch(2000)
        figures["tutorial.anonymous_peak_memory"] = answer["peak_memory"]
    return figures
