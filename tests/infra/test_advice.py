"""What a configuration may say and is probably not meant: warnings, and nothing else."""

from typing import Any

import pulumi
import pytest

from powersync_auth.advice import advice
from powersync_auth.bundle import LOCAL, TARGET_VARIABLE
from tests.infra.configured import ALL_WELL, PROVIDER, load, provider
from tests.infra.plan import record


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"powersyncUrl": "https://your-instance.powersync.journeyapps.com"},
            "powersyncUrl is a p",
        ),
        (provider(issuer="https://your-tenant.eu.auth0.com/"), "identityProviders[0].issuer is a"),
        (provider(), "identityProviders[0].issuer is a placeholder"),
        ({"corsOrigins": ["*"]}, 'corsOrigins has "*"'),
        ({"corsOrigins": ["https://*"]}, 'corsOrigins has "https://*"'),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(values: dict[str, Any], told: str) -> None:
    assert any(told in warning for warning in advice(load(**values)))


def test_what_is_meant_gives_no_warning() -> None:
    assert advice(load(**ALL_WELL, corsOrigins=["https://app.test"])) == []


def test_the_program_tells_what_it_advises(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    record(corsOrigins=["*"])
    assert [warning for warning in told if 'corsOrigins has "*"' in warning]


def test_open_origins_are_fine_on_the_local_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, LOCAL.name)
    assert advice(load(**ALL_WELL, corsOrigins=["*"])) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (ALL_WELL, []),
        ({**ALL_WELL, "identityProviders": [], "createUserPool": True}, []),
        ({**ALL_WELL, "identityProviders": [], "anonymous": {"enabled": True}}, []),
        ({**ALL_WELL, "identityProviders": []}, ["set identityProviders, createUserPool or anony"]),
        ({**ALL_WELL, "powersyncUrl": ""}, ["powersyncUrl is not set"]),
        ({}, ["set identityProviders, createUserPool or anonymous", "powersyncUrl is not set"]),
    ],
)
def test_a_stack_that_refuses_everybody_is_warned_of(
    values: dict[str, Any], expected: list[str]
) -> None:
    """It deploys, and its token_url answers with refusals only."""
    warnings = advice(load(**values))
    assert len(warnings) == len(expected)
    for warning, part in zip(warnings, expected, strict=True):
        assert part in warning


def test_providers_that_may_give_two_people_one_user_id_are_warned_of() -> None:
    """OpenID Connect Core 1.0, section 5.7: a subject is unique within its issuer."""
    first, second = (
        {**PROVIDER, "issuer": f"https://{name}.acme.dev"} for name in ("one", "other")
    )

    def warned(*providers: dict[str, Any], **values: Any) -> list[str]:
        settings = load(**{**ALL_WELL, "identityProviders": list(providers), **values})
        return [w for w in advice(settings) if "subjectPrefix" in w]

    assert not warned(first)
    assert not warned(first, {**second, "subjectPrefix": "other|"})
    (told,) = warned(first, second)
    assert told.startswith("identityProviders[0] and identityProviders[1] have no subjectPrefix")
    (told,) = warned(first, createUserPool=True)
    assert told.startswith("identityProviders[0] and the user pool have no subjectPrefix")


@pytest.mark.parametrize(
    ("issuers", "warned"),
    [
        (["https://l.acme.dev", "https://l.acme.dev/"], True),
        (["https://l.acme.dev/Realm", "https://l.acme.dev/realm"], True),
        (["https://l.acme.dev", "https://m.acme.dev"], False),
    ],
)
def test_issuers_that_differ_by_a_slash_or_by_case_only_are_warned_of(
    issuers: list[str], warned: bool
) -> None:
    """One of them is in the tokens; the other waits in vain."""
    providers = [
        {**PROVIDER, "issuer": issuer, "subjectPrefix": f"{number}|"}
        for number, issuer in enumerate(issuers)
    ]
    told = advice(load(**{**ALL_WELL, "identityProviders": providers}))
    expected = "the issuers of identityProviders[0] and identityProviders[1] differ by a slash"
    assert [warning.startswith(expected) for warning in told] == [True] * warned
