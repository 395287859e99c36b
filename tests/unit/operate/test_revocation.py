"""What `make revoke` prints."""

from typing import Any

import pytest

from operate.signing_keys import _explain_revocation
from token_service.keys.problems import ProblemKind

NOW = 1_800_000_000
TOLD = {
    "now": NOW,
    "revoked": ["revoked-key"],
    "current": "signing-key",
    "current_known_to_all_verifiers_at": NOW,
    "refused_by_busy_verifiers_at": NOW + 420,
    "refused_by_all_verifiers_at": NOW + 3720,
    "problems": [],
}


def _said(capsys: pytest.CaptureFixture[str], *problems: dict[str, Any]) -> str:
    _explain_revocation({**TOLD, "problems": list(problems)})
    return capsys.readouterr().out


def test_it_tells_until_when_powersync_accepts_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    said = _said(capsys)
    assert "an instance in use    until 2027-01-15" in said
    assert ", plus the gap between two requests" in said
    assert "Problem" not in said


@pytest.mark.parametrize(
    "kind", [ProblemKind.REVOKED, ProblemKind.NOT_SERVED, ProblemKind.UNREADABLE]
)
def test_while_verifiers_cannot_learn_of_it_no_time_is_promised(
    kind: ProblemKind, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _said(capsys, {"problem": str(kind), "kid": "revoked-key", "detail": None})
    assert "PowerSync goes on accepting it" in said
    assert f"Problem: the key revoked-key is {kind}" in said
    assert "an instance in use    for 7 min, plus the gap between two requests" in said
    assert "until 2027" not in said


def test_another_problem_is_told_beside_the_times(capsys: pytest.CaptureFixture[str]) -> None:
    other = {"problem": str(ProblemKind.NOT_PUBLISHED), "kid": "next-key", "detail": None}
    said = _said(capsys, other)
    assert "until 2027-01-15" in said
    assert "Problem: the key next-key is not published" in said
