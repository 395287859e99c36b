"""What a month costs, by what sends the requests."""

import pytest

from tests.benchmarks import cost, traffic
from tests.benchmarks.measure import Measurements
from tests.benchmarks.traffic import FRANKFURT, VIRGINIA


@pytest.fixture
def measured() -> Measurements:
    return {
        "ours.anonymous": 55e-6,
        "ours.cold_anonymous": 0.3,
        "tutorial.anonymous": 600e-6,
        "tutorial.cold_anonymous": 1.0,
        "ours.anonymous_answer_length": 700,
    }


def test_frankfurt_differs_by_the_api_and_the_log(measured: Measurements) -> None:
    api = FRANKFURT.per_token(measured) - VIRGINIA.per_token(measured)
    assert api * cost.MILLION == pytest.approx(0.20)
    assert VIRGINIA.per_token(measured) == cost.models(measured)["ours"].per_token
    assert VIRGINIA.log(1e9, 5) == cost.access_log(1e9, 5)
    assert FRANKFURT.log(1e9, 5) / VIRGINIA.log(1e9, 5) == pytest.approx(0.63 / 0.50)


def test_the_first_100_gb_sent_are_free(measured: Measurements) -> None:
    size = traffic.answer_bytes(measured)
    assert 800 < size < 830
    tokens = 100 * cost.GB / size
    assert VIRGINIA.egress(measured, tokens, traffic.EGRESS_FREE_GB) == 0
    twice = VIRGINIA.egress(measured, 2 * tokens, traffic.EGRESS_FREE_GB)
    assert twice == pytest.approx(100 * 0.09)


def test_a_browser_asks_once_an_hour_whether_it_may() -> None:
    assert traffic.preflights(VIRGINIA, 300) == pytest.approx(1.00 / 12)
    assert traffic.preflights(VIRGINIA, 7_200) == pytest.approx(1.00)


def test_a_longer_lifetime_costs_less_and_lets_signed_out_users_on(measured: Measurements) -> None:
    short, middle, long = traffic.lifetimes(measured)
    refreshes = 8 * 3600 / 270 * 730 / 24
    assert short.tokens == pytest.approx(10_000 * refreshes)
    assert short.tokens > middle.tokens > long.tokens
    assert short.once > middle.once > long.once
    assert [each.syncs_on for each in (short, middle, long)] == [360, 960, 3660]


def test_asking_twice_doubles_what_traffic_costs(measured: Measurements) -> None:
    fixed = cost.fixed_cost(1)
    for each in traffic.lifetimes(measured):
        # More than twice: what is free is taken off once only.
        assert each.twice[0] - fixed >= 2 * (each.once[0] - fixed)


def test_a_user_pool_costs_past_its_first_10_000_users() -> None:
    assert traffic.pool("ESSENTIALS", 10_000) == traffic.pool("LITE", 10_000) == 0
    assert traffic.pool("ESSENTIALS", 20_000) == pytest.approx(150)
    assert traffic.pool("LITE", 20_000) == pytest.approx(55)
