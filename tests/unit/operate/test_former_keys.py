"""Keys of a former signer, as operators see them."""

import re
from typing import Any

import pytest

from operate.doctor.jwks_checks import _served_rightly
from operate.key_ring import Status
from operate.signing_keys import _show

NOW = 1_800_000_000
OURS = {
    "kid": "ours",
    "state": "current",
    "alg": "ES256",
    "published_at": NOW - 10,
    "signing_since": NOW - 10,
    "stopped_signing_at": None,
    "leaves_at": None,
}


def status(*legacy: dict[str, Any], revoked: dict[str, int] | None = None) -> Status:
    document = {"legacy_keys": list(legacy), "revoked": revoked or {}}
    return Status(NOW, [OURS], NOW, None, document)


def legacy(kid: str, until: int) -> dict[str, Any]:
    return {"kid": kid, "alg": "RS256", "until": until}


def test_make_keys_shows_until_when_they_are_published(capsys: pytest.CaptureFixture[str]) -> None:
    _show(status(legacy("former", NOW + 7_200), legacy("older", NOW - 7_200)), "")
    lines = capsys.readouterr().out.splitlines()
    shown = {line.split()[1]: lines[at + 1] for at, line in enumerate(lines) if "RS256" in line}
    assert shown["former"].strip().startswith("leaves the JWKS")
    assert shown["former"].endswith("in 2 h")
    assert shown["older"].strip().startswith("left the JWKS")
    assert shown["older"].endswith("2 h ago")


def test_make_keys_shows_which_were_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    _show(status(legacy("former", NOW + 7_200), revoked={"former": NOW - 3_600}), "")
    told = capsys.readouterr().out
    assert re.search(r"legacy    former  RS256\n +revoked .*, 1 h ago\n", told), told


def test_make_revoke_knows_them_by_how_they_begin() -> None:
    found = status(legacy("former", NOW + 1), legacy("older", NOW + 1), revoked={"former": NOW})
    assert (found.find("for"), found.find("ol")) == ("former", "older")


def test_doctor_takes_them_for_no_strangers() -> None:
    beside = status(legacy("former", NOW + 1))
    check = _served_rightly(beside, {"ours", "former"}, "2 keys")
    assert check.ok
    assert "1 of legacyKeys" in check.seen
    assert _served_rightly(beside, {"ours"}, "1 key").ok
    assert "not in the key ring: other" in _served_rightly(beside, {"ours", "other"}, "").seen


def test_a_key_that_was_revoked_is_named_though_it_stands_in_legacy_keys() -> None:
    revived = status(legacy("former", NOW + 1), revoked={"former": NOW - 100})
    assert "served, and revoked: former" in _served_rightly(revived, {"ours", "former"}, "").seen
