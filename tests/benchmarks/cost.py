"""What tokens cost: AWS's prices (us-east-1, arm64) applied to measured CPU time.

Lambda gives 1,769 MB of memory one vCPU and less memory its share, so a CPU second costs the same
at every smaller size, except that AWS rounds each answer up to a millisecond. A core of this
machine is taken for one of AWS's, and what a function waits for is not counted.

The key ring is read by time, not by traffic: a container in use reads it every five minutes. So the
reads of one container of each kind, in use all month, are fixed cost; at the margin there is only
the read that each cold start makes. The access log has figures of its own: the account's first
gigabytes are free.
"""

import math
import re
from dataclasses import dataclass

from powersync_auth.routes import ACCESS_LOG_FORMAT
from powersync_auth.settings import Settings
from powersync_auth.timings import Timings
from tests.benchmarks.contestants import ANONYMOUS
from tests.benchmarks.measure import Measurements

MILLION = 1_000_000
GB = 1_000_000_000
VCPU_MB = 1769
MEMORY_MB: int = Settings.model_fields["memory_mb"].default
MEMORY_SIZES_MB = (128, 256, 512, 1024, VCPU_MB)

HTTP_API_PER_REQUEST = 1.00 / MILLION
LAMBDA_PER_REQUEST = 0.20 / MILLION
LAMBDA_PER_GB_SECOND = 0.0000133334
PROVISIONED_PER_GB_SECOND = 0.0000033334
SNAPSHOT_PER_GB_SECOND = 0.0000015046
MONTH_SECONDS = 730 * 3600
SECRET_PER_CALL = 0.05 / 10_000
KMS_PER_DECRYPT = 0.03 / 10_000
KMS_PER_SIGNATURE = 0.15 / 10_000
SECRET_PER_MONTH = 0.40
CUSTOMER_KEY_PER_MONTH = 1.00
CUSTOMER_KEY_ROTATION_PER_MONTH = 1.00
"""For each of the first two yearly rotations of the key's material."""
LOG_PER_GB = 0.50
LOG_FREE_GB = 5
"""A month, for all logs of an account together."""
LOG_LINE_OVERHEAD = 26
"""Bytes that CloudWatch counts for each line besides its own."""

RING_READ = SECRET_PER_CALL + KMS_PER_DECRYPT
RING_READ_INTERVAL = Timings.derive(
    Settings.model_fields["verifier_cache_seconds"].default,
    Settings.model_fields["token_lifetime_seconds"].default,
).keyring_cache
"""Seconds between two reads by a container in use."""
RING_READERS = ("auth", "auth-anonymous")

WATCH_INTERVAL = 300
"""Seconds between two looks of the rotate function at what is published."""
WATCH_SECONDS = 0.2
"""An assumption: what its calls to AWS take, in a container that is still there."""
WATCH_MEMORY_MB = 512
WATCH = RING_READ + SECRET_PER_CALL + KMS_PER_DECRYPT
"""Dollars for its calls where nothing is wrong: the ring, its labels, and a seal, though a
container opens each once. Reading the parameter is free."""

TOKENS_PER_COLD_START = 1_000
"""An assumption; an idle deployment has more cold starts and hardly any cost."""

LOGGED = {
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.requestTime": "12/Mar/2026:19:03:58 +0000",
    "$context.identity.sourceIp": "203.0.113.107",
    "$context.httpMethod": "GET",
    "$context.path": str(ANONYMOUS["rawPath"]),
    "$context.status": "200",
    "$context.responseLatency": "12",
    "$context.integration.error": "-",
    "$context.error.message": "-",
}
"""What API Gateway writes for a token."""


@dataclass(frozen=True)
class CostModel:
    """Dollars: `fixed` a month, `per_token` at the margin."""

    fixed: float
    per_token: float

    def month(self, tokens: float) -> float:
        return self.fixed + tokens * self.per_token


def duration(cpu: float, memory_mb: int) -> float:
    """Seconds that `cpu` seconds of CPU take with the share of a core that goes with the memory."""
    return cpu * max(1.0, VCPU_MB / memory_mb)


def lambda_cost(cpu: float, memory_mb: int) -> float:
    """Dollars for an answer that takes `cpu` seconds of CPU, duration rounded up as billed."""
    milliseconds = math.ceil(duration(cpu, memory_mb) * 1000)
    return milliseconds / 1000 * memory_mb / 1024 * LAMBDA_PER_GB_SECOND


def per_token(
    warm: float, cold: float, memory_mb: int = MEMORY_MB, *, cold_start_calls: float = RING_READ
) -> float:
    """Dollars for a token at the margin, without the access log.

    Args:
        warm: Seconds of CPU that a warm container takes for it.
        cold: Seconds of CPU of a cold start.
        memory_mb: The function's size.
        cold_start_calls: Dollars for the calls to AWS that a cold start makes.
    """
    request = HTTP_API_PER_REQUEST + LAMBDA_PER_REQUEST + lambda_cost(warm, memory_mb)
    return request + (lambda_cost(cold, memory_mb) + cold_start_calls) / TOKENS_PER_COLD_START


KEY_ROTATION_DAYS = 2_555
"""Days after which the customer key's material has rotated: seven years (the key says 2,560)."""


def ring_reads() -> float:
    """Dollars a month for the reads of one container that is in use all month."""
    return MONTH_SECONDS / RING_READ_INTERVAL * RING_READ


def watch() -> float:
    """Dollars a month for looking at what is published."""
    memory = WATCH_SECONDS * WATCH_MEMORY_MB / 1024 * LAMBDA_PER_GB_SECOND
    return MONTH_SECONDS / WATCH_INTERVAL * (WATCH + LAMBDA_PER_REQUEST + memory)


def fixed_cost(year: int) -> float:
    """Dollars a month in a year of the deployment (1 is the first), however many tokens.

    One container of each kind reads the key ring all month. The JWKS parameter is a Standard one,
    which is free, as long as it holds less than 4 KB.
    """
    rotations = (year - 1) * 365 // KEY_ROTATION_DAYS
    key = CUSTOMER_KEY_PER_MONTH + CUSTOMER_KEY_ROTATION_PER_MONTH * min(2, rotations)
    return key + SECRET_PER_MONTH + len(RING_READERS) * ring_reads() + watch()


def access_log_bytes() -> int:
    """What CloudWatch counts for the access log's line of a token.

    Raises `KeyError` for a field of the log for which `LOGGED` has no value.
    """
    line = re.sub(r"\$context[.\w]+", lambda field: LOGGED[field[0]], ACCESS_LOG_FORMAT)
    return len(line.encode()) + LOG_LINE_OVERHEAD


def access_log(tokens: float, free_gb: float) -> float:
    """Dollars a month for the access log of so many tokens, of which some GB are free."""
    return max(0.0, tokens * access_log_bytes() / GB - free_gb) * LOG_PER_GB


@dataclass(frozen=True)
class MemorySize:
    """What a size of the token functions costs, and how long its cold start takes, estimated.

    Attributes:
        memory_mb: The size.
        million: Dollars for a million tokens.
        cold_start: Seconds from the start of the interpreter to the first token.
        waiting: Dollars for a million seconds of waiting, such as for an identity provider.
        provisioned: Dollars a month for one instance of one function that is kept warm.
        snapshot: Dollars a month for the snapshot of one version of one function.
    """

    memory_mb: int
    million: float
    cold_start: float
    waiting: float
    provisioned: float
    snapshot: float


def memory_sizes(figures: Measurements) -> list[MemorySize]:
    """The sizes to choose from."""
    warm, cold = figures["ours.anonymous"], figures["ours.cold_anonymous"]
    return [
        MemorySize(
            memory_mb=size,
            million=per_token(warm, cold, size) * MILLION,
            cold_start=duration(cold, size),
            waiting=size / 1024 * LAMBDA_PER_GB_SECOND * MILLION,
            provisioned=size / 1024 * PROVISIONED_PER_GB_SECOND * MONTH_SECONDS,
            snapshot=size / 1024 * SNAPSHOT_PER_GB_SECOND * MONTH_SECONDS,
        )
        for size in MEMORY_SIZES_MB
    ]


def models(figures: Measurements) -> dict[str, CostModel]:
    """Ours in its first years, the tutorial build (one secret, no customer key), ours signing in
    KMS; all without the access log."""
    warm, cold = figures["ours.anonymous"], figures["ours.cold_anonymous"]
    in_kms = per_token(warm, cold, cold_start_calls=0) + KMS_PER_SIGNATURE
    tutorial = per_token(
        figures["tutorial.anonymous"],
        figures["tutorial.cold_anonymous"],
        cold_start_calls=SECRET_PER_CALL,
    )
    return {
        "ours": CostModel(fixed_cost(1), per_token(warm, cold)),
        "tutorial build": CostModel(SECRET_PER_MONTH, tutorial),
        "signing in KMS": CostModel(CUSTOMER_KEY_PER_MONTH, in_kms),
    }
