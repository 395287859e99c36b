"""What doctor says of a token that is refused, and of one that is not."""

import time
from typing import Any

import pytest

from operate.doctor.checks import Check
from tests.conftest import Figure
from tests.doctor.faults import line_of
from tests.doctor.lines import fits
from tests.doctor.logins import LOGINS
from tests.doctor.verdicts import TOKENS, Refused
from tests.doctor.world import World


def _is_explained(check: Check, refused: Refused, encoded: str) -> None:
    assert check.ok is False
    assert fits(refused.line, line_of(check)), line_of(check)
    assert refused.hint in check.means, check.means
    assert refused.cure in check.do, check.do
    assert check.code == refused.code
    outcomes = [step.ok for step in check.steps]
    assert outcomes.count(False) == 1
    failed = outcomes.index(False)
    assert all(outcomes[:failed])
    assert not any(outcomes[failed:])
    signature = encoded.rpartition(".")[2]
    if len(signature) > 40:
        assert signature not in repr(check)


@pytest.mark.parametrize("what", TOKENS)
def test_a_refused_token_is_explained(what: str, world: World, figure: Figure) -> None:
    encoded = TOKENS[what].make(world)
    _is_explained(world.judge(encoded), TOKENS[what], encoded)
    figure("refused PowerSync tokens that doctor explains", 1)


@pytest.mark.parametrize("what", LOGINS)
def test_a_refused_login_is_explained(what: str, world: World, figure: Figure) -> None:
    encoded = LOGINS[what].make(world)
    _is_explained(world.judge_login(encoded), LOGINS[what], encoded)
    figure("refused logins that doctor explains", 1)


def test_good_tokens_pass_every_step(world: World) -> None:
    token = world.judge(world.token())
    login = world.judge_login(world.login_token(settings={"theme": "dark"}))
    assert token.ok
    assert login.ok
    # All keys of a new stack are new, and no instance has older ones.
    assert "only since" not in token.seen
    assert all(step.ok for check in (token, login) for step in check.steps)
    assert "alice, with the claims: parameters" in login.seen


def test_a_key_that_instances_may_not_know_yet_is_told(world: World) -> None:
    """As after a revocation, which lets the next key sign before its time."""

    def just_published(document: dict[str, Any]) -> None:
        for key in document["keys"]:
            if key["state"] == "current":
                key["published_at"] = time.time() - 20
            else:
                key["published_at"] = time.time() - 9000

    world.status = just_published
    told = world.judge(world.token())
    assert told.ok
    assert "its key is published, but only since 20 s" in told.seen or "21 s" in told.seen
