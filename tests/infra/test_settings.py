"""What the settings mean once they are read: defaults, and what is taken."""

from typing import Any

import pulumi
import pytest

from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from powersync_auth.settings import Settings
from tests.infra.configured import CERTIFICATE, PROVIDER, load, provider


def test_nothing_is_open_by_default() -> None:
    settings = load()
    assert not settings.anonymous.enabled
    assert settings.identity_providers == []
    assert not settings.create_user_pool
    assert settings.cors_origins == []
    assert settings.protect


def test_an_empty_value_counts_as_not_set() -> None:
    settings = load(customDomain={}, tokenLifetimeSeconds="", alarmEmail="")
    assert settings == load()


def test_a_provider_may_be_beside_the_custom_domain() -> None:
    domain = {"name": "auth.example.com", "certificateArn": CERTIFICATE}
    for issuer in ("https://login.auth.example.com", "https://auth.example.com/realms/app"):
        settings = load(**provider(issuer=issuer), customDomain=domain)
        assert settings.identity_providers[0]["issuer"] == issuer


def test_values_arrive_as_the_cli_passes_them() -> None:
    settings = load(
        powersyncUrl="http://localhost:8080", rotationDays="7", snapStart="true", **provider()
    )
    assert settings.powersync_url == "http://localhost:8080"
    assert settings.rotation_days == 7
    assert settings.snap_start is True
    assert settings.identity_providers == [PROVIDER]


@pytest.mark.parametrize("key", ["issuer", "jwksUri"])
def test_plain_http_is_for_providers_beside_the_local_stack_only(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside_us = {"identityProviders": [{**PROVIDER, key: "http://127.0.0.1:9000"}]}
    with pytest.raises(pulumi.RunError, match=rf"identityProviders\[0\].{key}: .*https://"):
        load(**beside_us)
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    load(**beside_us)


NEARBY = [
    "http://192.168.1.5:8080",
    "http://10.0.2.2:8080",
    "http://169.254.1.1",
    "http://host.docker.internal:8080",
    "http://powersync:8080",
    "http://my-laptop.local:8080",
    "http://powersync.localhost",
]


@pytest.mark.parametrize("url", NEARBY)
def test_in_the_local_stack_powersync_and_providers_may_be_nearby(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearby = {"powersyncUrl": url, "identityProviders": [{**PROVIDER, "issuer": url}]}
    for key, value in nearby.items():
        with pytest.raises(pulumi.RunError, match=key):
            load(**{key: value})
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    settings = load(**nearby)
    assert settings.powersync_url == url
    assert settings.token_audiences == [url]


@pytest.mark.parametrize("url", ["http://example.com", "http://8.8.8.8", "http://0.0.0.0"])
def test_a_stranger_is_asked_by_https_in_the_local_stack_too(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    with pytest.raises(pulumi.RunError, match="powersyncUrl: should be the URL"):
        load(powersyncUrl=url)


def test_an_object_keeps_the_defaults_of_what_it_leaves_out() -> None:
    """`pulumi config set --path throttling.jwks.rate 500` gives this and nothing else."""
    throttling = load(throttling={"jwks": {"rate": 500}}).throttling
    assert (throttling.jwks.rate, throttling.jwks.burst) == (500, 100)
    assert throttling.token == Settings().throttling.token
    anonymous = load(anonymous={"enabled": True}).anonymous
    assert (anonymous.subject, anonymous.remember_days) == ("per-device", 30)


def test_chosen_subjects_may_stand_beside_others_and_behind_a_prefix() -> None:
    """At the one provider nobody can choose, or nobody can choose what the other's users have."""
    other = {**PROVIDER, "issuer": "https://other.example.com"}
    chosen = {**PROVIDER, "subjectClaim": "email"}
    for second in (other, {**other, "subjectClaim": "email", "subjectPrefix": "other|"}):
        assert len(load(identityProviders=[chosen, second]).identity_providers) == 2


def test_every_origin_that_api_gateway_takes_is_taken() -> None:
    """Its documentation names these forms."""
    origins = ["https://app.example.com", "http://localhost:5173", "https://*", "http://*", "*"]
    assert load(corsOrigins=origins).cors_origins == origins


def test_audiences_default_to_the_powersync_url() -> None:
    assert load().token_audiences == []
    assert load(powersyncUrl="https://x.example.com").token_audiences == ["https://x.example.com"]
    assert load(powersyncUrl="https://x.example.com", audiences=["a"]).token_audiences == ["a"]


def test_anonymous_tokens_are_remembered_only_where_subjects_differ() -> None:
    def remembered(**anonymous: Any) -> int:
        return load(anonymous=anonymous).anonymous_remember_seconds

    assert remembered() == 0
    assert remembered(enabled=True) == 30 * 86_400
    assert remembered(enabled=True, rememberDays=2) == 2 * 86_400
    assert remembered(enabled=True, subject="shared") == 0
