"""What tokens cost: AWS's prices (us-east-1, arm64) applied to measured CPU time.

Lambda gives 1,769 MB of memory one vCPU and less memory its share, so a CPU second costs the same
at every smaller size, except that AWS rounds each answer up to a millisecond. A core of this
machine is taken for one of AWS's.
"""

import math
from dataclasses import dataclass

from tests.benchmarks.measure import Measurements

MILLION = 1_000_000
MEMORY_MB = 256
VCPU_MB = 1769

HTTP_API_PER_REQUEST = 1.00 / MILLION
LAMBDA_PER_REQUEST = 0.20 / MILLION
LAMBDA_PER_GB_SECOND = 0.0000133334
SECRET_PER_CALL = 0.05 / 10_000
KMS_PER_DECRYPT = 0.03 / 10_000
KMS_PER_SIGNATURE = 0.15 / 10_000
SECRET_PER_MONTH = 0.40
CUSTOMER_KEY_PER_MONTH = 1.00
CUSTOMER_KEY_ROTATION_PER_MONTH = 1.00
"""For each of the first two yearly rotations of the key's material."""
ADVANCED_PARAMETER_PER_MONTH = 0.05

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


def lambda_cost(cpu: float) -> float:
    """Dollars for an answer that takes `cpu` seconds of CPU, duration rounded up as billed."""
    milliseconds = math.ceil(cpu * VCPU_MB / MEMORY_MB * 1000)
    return milliseconds / 1000 * MEMORY_MB / 1024 * LAMBDA_PER_GB_SECOND


def _per_token(warm: float, cold: float) -> float:
    request = HTTP_API_PER_REQUEST + LAMBDA_PER_REQUEST + lambda_cost(warm)
    secret_reads = (SECRET_PER_CALL + KMS_PER_DECRYPT) / TOKENS_PER_SECRET_READ
    return request + lambda_cost(cold) / TOKENS_PER_COLD_START + secret_reads


def fixed_cost(year: int) -> float:
    """Dollars a month in a year of the deployment (1 is the first), before any token."""
    key = CUSTOMER_KEY_PER_MONTH + CUSTOMER_KEY_ROTATION_PER_MONTH * min(2, year - 1)
    return key + SECRET_PER_MONTH + ADVANCED_PARAMETER_PER_MONTH


def models(figures: Measurements) -> dict[str, CostModel]:
    """Ours, the tutorial build (one secret, no customer key), and ours signing in KMS."""
    ours = _per_token(figures["ours.anonymous"], figures["ours.cold_anonymous"])
    tutorial = _per_token(figures["tutorial.anonymous"], figures["tutorial.cold_anonymous"])
    return {
        "ours": CostModel(fixed_cost(1), ours),
        "tutorial build": CostModel(SECRET_PER_MONTH, tutorial),
        "signing in KMS": CostModel(CUSTOMER_KEY_PER_MONTH, ours + KMS_PER_SIGNATURE),
    }
