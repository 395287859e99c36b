"""What the page says about the parts of a token."""

import math
from typing import Any

import pytest

from operate.page.claims import explained_claims, explained_header

NOW = 1_790_000_000.0


def means(name: str, value: Any) -> str:
    (row,) = explained_claims({name: value}, NOW)
    assert (row["name"], row["value"]) == (name, value)
    return str(row["means"])


def test_every_claim_of_ours_is_explained_and_a_mapped_one_is_told_from_them() -> None:
    claims = {
        "sub": "u",
        "aud": ["a"],
        "iss": "i",
        "iat": 1,
        "exp": 2,
        "role": "r",
        "jti": "j",
        "previous_sub": "anon-1",
        "previous_iat": 3,
    }
    for row in explained_claims(claims, NOW):
        assert row["means"]
        assert "From the login" not in row["means"], row
    assert means("org", "x") == "From the login: auth.parameter('org') in sync rules."


def test_a_subject_says_whether_it_is_an_anonymous_devices() -> None:
    assert "anonymous device" in means("sub", "anon-0123")
    assert "share" in means("sub", "anonymous")
    assert means("sub", "ann") == "Who it is for: auth.user_id() in sync rules."


def test_times_are_told_by_the_clock_and_from_now() -> None:
    assert "in 5 min" in means("exp", NOW + 300)
    assert "2 min ago" in means("iat", NOW - 120)


@pytest.mark.parametrize("value", ["soon", None, True, 1e300, math.inf, math.nan])
def test_what_is_no_time_is_said_to_be_none(value: Any) -> None:
    assert "no time" in means("exp", value)


def test_a_kid_says_which_key_of_the_stack_it_is() -> None:
    states = {"k1": "current"}
    (known,) = explained_header({"kid": "k1"}, states)
    (unknown,) = explained_header({"kid": "k2"}, states)
    assert "It is the current key." in known["means"]
    assert "It is no key of this stack." in unknown["means"]
