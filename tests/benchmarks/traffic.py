"""What a month costs by what sends the requests: devices, browsers, users, and in which region.

Prices are quoted like those of `cost.py`; they are AWS's list prices of 2026, in dollars.
"""

from collections.abc import Callable
from dataclasses import dataclass

from powersync_auth.http_api import PREFLIGHT_SECONDS
from powersync_auth.settings import Settings
from tests.benchmarks import cost
from tests.benchmarks.measure import Measurements

EGRESS_FREE_GB = 100
"""A month, for everything that an account sends to the Internet."""

DEVICES = 10_000
HOURS_ONLINE = 8
"""A day, each device."""
LIFETIMES = (300, 900, 3_600)
SDK_LEAD = 30
"""Seconds of lifetime that PowerSync's SDKs leave when they ask for the next token."""
TOLERANCE = 60
"""Seconds by which PowerSync lets a token outlive its `exp`."""

POOL_FREE_USERS = 10_000
"""Active in a month, in all pools of an account together."""
POOL_PER_USER = {"LITE": 0.0055, "ESSENTIALS": 0.015}
POOL_USERS = (10_000, 20_000, 50_000)


@dataclass(frozen=True)
class Region:
    """What differs between regions; Lambda, Secrets Manager and KMS cost the same in both.

    Attributes:
        name: Where it is.
        code: As AWS writes it.
        http_api: Dollars for a request.
        log_gb: Dollars for a GB of log.
        egress_gb: Dollars for a GB to the Internet, beyond `EGRESS_FREE_GB`.
    """

    name: str
    code: str
    http_api: float
    log_gb: float
    egress_gb: float

    def per_token(self, figures: Measurements) -> float:
        """Dollars for a token at the margin: the API, Lambda and its calls."""
        ours = cost.models(figures)["ours"].per_token
        return ours - cost.HTTP_API_PER_REQUEST + self.http_api

    def log(self, tokens: float, free_gb: float = 0.0) -> float:
        """Dollars for the access log of so many tokens."""
        return cost.access_log(tokens, free_gb) / cost.LOG_PER_GB * self.log_gb

    def egress(self, figures: Measurements, tokens: float, free_gb: float = 0.0) -> float:
        """Dollars for sending so many answers, without what TLS adds."""
        return max(0.0, tokens * answer_bytes(figures) / cost.GB - free_gb) * self.egress_gb

    def month(self, figures: Measurements, tokens: float) -> float:
        """Dollars for a month of so many tokens, the fixed cost and the log among them."""
        log = self.log(tokens, cost.LOG_FREE_GB)
        sent = self.egress(figures, tokens, EGRESS_FREE_GB)
        return cost.fixed_cost(1) + tokens * self.per_token(figures) + log + sent


VIRGINIA = Region(
    "Virginia", "us-east-1", cost.HTTP_API_PER_REQUEST, log_gb=cost.LOG_PER_GB, egress_gb=0.09
)
FRANKFURT = Region("Frankfurt", "eu-central-1", 1.20 / cost.MILLION, log_gb=0.63, egress_gb=0.09)
REGIONS = (VIRGINIA, FRANKFURT)

_ADDED_BY_API_GATEWAY = (
    "HTTP/1.1 200 OK\r\nDate: Thu, 12 Mar 2026 19:03:58 GMT\r\nConnection: keep-alive\r\n"
    "Apigw-Requestid: JKJaXmPLvHcESHA=\r\n\r\n"
)


def answer_bytes(figures: Measurements) -> float:
    """Bytes of an anonymous token's answer, the longer one, as HTTP/1.1 has it."""
    return figures["ours.anonymous_answer_length"] + len(_ADDED_BY_API_GATEWAY)


def preflights(region: Region, lifetime: int) -> float:
    """Dollars for the preflights of a million tokens that browsers ask for.

    API Gateway answers them itself, at the price of a request.
    """
    return min(1.0, lifetime / PREFLIGHT_SECONDS) * region.http_api * cost.MILLION


def tokens_a_month(lifetime: int) -> float:
    """How many tokens `DEVICES` ask for that are online `HOURS_ONLINE` a day."""
    online = cost.MONTH_SECONDS * HOURS_ONLINE / 24
    return DEVICES * online / (lifetime - SDK_LEAD)


@dataclass(frozen=True)
class LifetimeCost:
    """What a token lifetime costs, and for how long it lets a user on who has signed out.

    Attributes:
        lifetime: Seconds.
        tokens: A month.
        once: Dollars a month, by region, where each refresh asks once, as our connectors do.
        twice: The same where it asks twice, as PowerSync's JavaScript SDK makes others do.
        syncs_on: Seconds after signing out in which PowerSync still takes the last token.
    """

    lifetime: int
    tokens: float
    once: tuple[float, ...]
    twice: tuple[float, ...]
    syncs_on: int


def lifetimes(figures: Measurements) -> list[LifetimeCost]:
    """The lifetimes to choose from; the default is among them."""
    assert Settings.model_fields["token_lifetime_seconds"].default in LIFETIMES

    def months(tokens: float) -> tuple[float, ...]:
        return tuple(region.month(figures, tokens) for region in REGIONS)

    return [
        LifetimeCost(
            lifetime,
            tokens_a_month(lifetime),
            months(tokens_a_month(lifetime)),
            months(2 * tokens_a_month(lifetime)),
            lifetime + TOLERANCE,
        )
        for lifetime in LIFETIMES
    ]


def pool(tier: str, users: int) -> float:
    """Dollars a month for a created user pool with so many active users."""
    return max(0, users - POOL_FREE_USERS) * POOL_PER_USER[tier]


def region_rows(figures: Measurements) -> list[tuple[str, Callable[[Region], float], int]]:
    """What to compare of regions: a name, dollars in a region, digits."""
    million = cost.MILLION
    return [
        ("a million requests to the HTTP API", lambda r: r.http_api * million, 2),
        ("a GB of log, beyond 5 free ones", lambda r: r.log_gb, 2),
        ("a GB sent, beyond 100 free ones", lambda r: r.egress_gb, 2),
        ("**a million tokens**", lambda r: r.per_token(figures) * million, 2),
        ("their access log, beyond what is free", lambda r: r.log(million), 3),
        ("their egress, beyond what is free", lambda r: r.egress(figures, million), 3),
        ("their preflights, if browsers ask", lambda r: preflights(r, LIFETIMES[0]), 3),
    ]
