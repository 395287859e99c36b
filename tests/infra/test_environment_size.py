"""How much of a configuration the functions can be told: Lambda's limit, from both sides."""

from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from local.recorder import MADE_UP
from powersync_auth.environment import LIMIT, longest, measured
from powersync_auth.naming import Names
from powersync_auth.restarts import restarted
from tests.infra.configured import load
from tests.infra.plan import PROJECT, REGION, Plan, record

PROVIDER = {"issuer": "https://login.acme.dev", "audiences": ["app"], "name": 'the "first"'}


def with_audience(length: int, **settings: Any) -> dict[str, Any]:
    return {"identityProviders": [{**PROVIDER, "audiences": ["a" * length]}], **settings}


CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"createUserPool": True},
    {"anonymous": {"enabled": True}, "audiences": ["https://one.acme.dev", "two"]},
    {
        "customDomain": {
            "name": "auth.acme.dev",
            "certificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1-2-3",
        }
    },
]

RESTART = restarted(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
"""What `make revoke` adds to an environment."""

POWERSYNC = {"powersyncUrl": "https://instance.powersync.journeyapps.com"}


@pytest.fixture(autouse=True)
def _as_in_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names as in a plan, for what is worked out beside one."""
    monkeypatch.setattr(pulumi, "get_project", lambda: PROJECT)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")


def longest_of(
    region: str | None = REGION, **settings: Any
) -> dict[str, dict[str, pulumi.Input[str]]]:
    return longest(load(**settings), Names(PROJECT), region)


def size(region: str | None = REGION, **settings: Any) -> int:
    """The largest environment of a configuration, with what an operator's command adds to it."""
    environments = longest_of(region, **POWERSYNC, **settings).values()
    return max(measured({**told, **RESTART}) for told in environments)


@pytest.mark.parametrize("settings", CONFIGURATIONS, ids=["plain", "pool", "anonymous", "domain"])
def test_the_last_byte_that_lambda_takes_is_accepted_and_no_more(settings: dict[str, Any]) -> None:
    room = LIMIT - size(**with_audience(1, **settings))
    assert room > 2_000
    plan = record(**with_audience(1 + room, **settings))
    told = lengthened(plan, **with_audience(1 + room, **settings))
    assert measured({**told, **RESTART}) == LIMIT
    with pytest.raises(
        pulumi.RunError, match=f"identityProviders: should be shorter: .* auth .* {LIMIT + 1} bytes"
    ):
        record(**with_audience(2 + room, **settings))


def lengthened(plan: Plan, **settings: Any) -> dict[str, str]:
    """The environment in the plan; what is made up there is as long as AWS makes it."""
    expected = longest_of(**POWERSYNC, **settings)["auth"]
    planned = plan.environment("auth")
    assert planned.keys() == expected.keys()
    differing = {name for name, value in planned.items() if value != expected[name]}
    assert differing <= {"KEYRING_SECRET_ARN", "ISSUER", "IDENTITY_PROVIDERS", "DNS_SUFFIX"}
    for name in differing - {"DNS_SUFFIX"}:
        assert any(part in planned[name] for part in MADE_UP)
    for name, value in planned.items():
        assert len(value) <= len(str(expected[name])), name
    return {**planned, **{name: str(expected[name]) for name in differing}}


def test_both_token_functions_are_looked_at() -> None:
    plan = record(anonymous={"enabled": True})
    for name, variables in longest_of(**POWERSYNC, anonymous={"enabled": True}).items():
        assert plan.environment(name).keys() == variables.keys()


def test_lambda_counts_the_json_text() -> None:
    """Names, values and what stands between them; a quotation mark in a value is two."""
    assert measured({"A": "b"}) == len('{"A":"b"}')
    assert measured({"A": '"'}) == measured({"A": "b"}) + 1
    assert measured({"A": "ü"}) == measured({"A": "b"}) + 1
    assert measured({"A": "b", "C": "d"}) == len('{"A":"b","C":"d"}')


def test_the_url_counts_as_often_as_it_is_written() -> None:
    """It is the audience as well, where no other is configured."""
    url = "https://" + 1_000 * "a" + ".acme.dev"
    longer = {"powersyncUrl": url + "b"}

    def of(**settings: Any) -> int:
        return measured(longest_of(**settings)["auth"])

    assert of(**longer) == of(powersyncUrl=url) + 2
    assert of(**longer, audiences=["x"]) == of(powersyncUrl=url, audiences=["x"]) + 1


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"powersyncUrl": f"https://{4_000 * 'a'}.acme.dev"}, "powersyncUrl"),
        ({"audiences": [f"{number:0300}" for number in range(14)]}, "audiences"),
    ],
)
def test_the_longest_setting_is_the_one_to_shorten(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"powersync-auth:{key}: should be shorter"):
        record(**settings)


def test_without_a_configured_region_the_longest_counts() -> None:
    """With a profile it is known during the deployment only."""
    known = size(createUserPool=True)
    unknown = size(None, createUserPool=True)
    # In the ring's ARN, the issuer, and twice in both URLs of the pool.
    assert unknown == known + 6 * (len("us-isof-south-1") - len(REGION))
