"""What tokens cost: AWS's prices (us-east-1, arm64) applied to measured CPU time.

Lambda gives 1,769 MB of memory one vCPU and less memory its share, so a CPU second costs the same
at every smaller size, except that AWS rounds each answer up to a millisecond. A core of this
machine is taken for one of AWS's, and what a function waits for is not counted.
"""

import math
from dataclasses import dataclass

from settings import Settings
from tests.benchmarks.measure import Measurements

MILLION = 1_000_000
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

TOKENS_PER_COLD_START = 1_000
"""An assumption; an idle deployment has more cold starts and hardly any cost."""
TOKENS_PER_SECRET_READ = 1_000
"""An assumption: each container reads the ring every 5 minutes while it is busy."""


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


def per_token(warm: float, cold: float, memory_mb: int = MEMORY_MB) -> float:
    """Dollars for a token, of which a warm container takes so many seconds of CPU."""
    request = HTTP_API_PER_REQUEST + LAMBDA_PER_REQUEST + lambda_cost(warm, memory_mb)
    secret_reads = (SECRET_PER_CALL + KMS_PER_DECRYPT) / TOKENS_PER_SECRET_READ
    return request + lambda_cost(cold, memory_mb) / TOKENS_PER_COLD_START + secret_reads


def fixed_cost(year: int) -> float:
    """Dollars a month in a year of the deployment (1 is the first), before any token.

    The JWKS parameter is a Standard one, which is free, as long as it holds less than 4 KB.
    """
    key = CUSTOMER_KEY_PER_MONTH + CUSTOMER_KEY_ROTATION_PER_MONTH * min(2, year - 1)
    return key + SECRET_PER_MONTH


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
    """Ours, the tutorial build (one secret, no customer key), and ours signing in KMS."""
    ours = per_token(figures["ours.anonymous"], figures["ours.cold_anonymous"])
    tutorial = per_token(figures["tutorial.anonymous"], figures["tutorial.cold_anonymous"])
    return {
        "ours": CostModel(fixed_cost(1), ours),
        "tutorial build": CostModel(SECRET_PER_MONTH, tutorial),
        "signing in KMS": CostModel(CUSTOMER_KEY_PER_MONTH, ours + KMS_PER_SIGNATURE),
    }
