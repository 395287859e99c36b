"""The signing keys on the page of the local stack, in a real Chromium."""

import time

import pytest
from playwright.sync_api import Page, Route, expect

from local.stack import LocalStack
from tests.browser import PATIENT_MS
from tests.local.page import button, kids, ring


def wait_until_a_rotation_may_come(stack: LocalStack) -> None:
    time.sleep(max(0, ring(stack)["rotation_possible_at"] - time.time() + 1))


def test_the_time_line_tells_in_words_what_it_draws(page: Page, shown: LocalStack) -> None:
    drawn = page.get_by_role("img", name="Time line")
    told = drawn.get_attribute("aria-label") or ""
    for state, kid in kids(shown).items():
        assert f"Key {kid[:8]}: {state}" in told
        expect(drawn.get_by_text(kid[:8])).to_be_visible()


def test_what_is_wrong_with_the_published_keys_is_said(page: Page, shown: LocalStack) -> None:
    expect(page.locator("#keys-problems")).to_be_hidden()
    problem = {"kid": "abcdefghijkl", "problem": "published and nobody's", "detail": ""}

    def with_problem(route: Route) -> None:
        answer = route.fetch(timeout=PATIENT_MS)
        route.fulfill(response=answer, json={**answer.json(), "problems": [problem]})

    page.route("**/page/keys", with_problem)
    page.reload()
    expect(page.locator("#keys-problems")).to_contain_text(
        "Problem: key abcdefgh is published and nobody's"
    )


def test_a_rotation_is_explained_and_then_made(page: Page, shown: LocalStack) -> None:
    wait_until_a_rotation_may_come(shown)
    before = kids(shown)
    dialogue = page.get_by_role("dialog")
    button(page, "Rotate…").click()
    expect(dialogue).to_contain_text(f"Key {before['next'][:8]} signs new tokens")
    expect(dialogue).to_contain_text(f"Key {before['current'][:8]} signs no more")
    button(dialogue, "Cancel").click()
    expect(dialogue).to_be_hidden()
    assert kids(shown) == before
    button(page, "Rotate…").click()
    button(dialogue, "Rotate").click()
    expect(page.locator("#keys-outcome")).to_contain_text(
        f"Rotated: key {before['next'][:8]} signs now"
    )
    after = kids(shown)
    assert (after["previous"], after["current"]) == (before["current"], before["next"])
    expect(page.get_by_role("article", name=f"Key {after['next'][:8]}, next")).to_be_visible()


def test_a_rotation_that_is_too_early_is_not_offered(page: Page, shown: LocalStack) -> None:
    before = kids(shown)

    def later(route: Route) -> None:
        answer = route.fetch(timeout=PATIENT_MS)
        told = answer.json()
        told["rotation_possible_at"] += 3600
        route.fulfill(response=answer, json=told)

    page.route("**/page/keys", later)
    page.reload()
    button(page, "Rotate…").click()
    dialogue = page.get_by_role("dialog")
    expect(dialogue).to_contain_text("Too early for a rotation")
    expect(button(dialogue, "Rotate")).to_be_hidden()
    button(dialogue, "Close").click()
    assert kids(shown) == before


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("next", "It has signed nothing"),
        ("current", "All tokens that it has signed become invalid"),
    ],
)
def test_a_key_is_revoked_once_it_is_said_what_that_does(
    page: Page, shown: LocalStack, state: str, says: str
) -> None:
    before = kids(shown)
    card = page.get_by_role("article", name=f"Key {before[state][:8]}, {state}")
    dialogue = page.get_by_role("dialog")
    button(card, "Revoke…").click()
    expect(dialogue).to_contain_text(says)
    page.keyboard.press("Escape")
    expect(dialogue).to_be_hidden()
    assert kids(shown) == before
    button(card, "Revoke…").click()
    button(dialogue, "Revoke this key").click()
    outcome = page.locator("#keys-outcome")
    expect(outcome).to_contain_text(f"Revoked {before[state][:8]}")
    expect(outcome).to_contain_text("Restarted 3 functions")
    assert before[state] in ring(shown)["revoked"]
    expect(page.get_by_role("img", name="revoked at")).to_be_visible()


def test_every_key_is_revoked_when_all_are_meant(page: Page, shown: LocalStack) -> None:
    before = {key["kid"] for key in ring(shown)["keys"]}
    button(page, "Revoke every key…").click()
    dialogue = page.get_by_role("dialog")
    expect(dialogue).to_contain_text("Clients fail until PowerSync has fetched the new keys")
    button(dialogue, "Revoke every key").click()
    expect(page.locator("#keys-outcome")).to_contain_text("Revoked")
    assert before.isdisjoint(key["kid"] for key in ring(shown)["keys"])


def test_a_whole_rotation_can_be_watched(page: Page, shown: LocalStack) -> None:
    before = kids(shown)
    button(page, "Watch a rotation").click()
    expect(page.locator("#watch-outcome")).to_have_text(
        "The keys have rotated, and no token was refused."
    )
    steps = page.locator("#watch-steps li.pass")
    expect(steps).to_have_count(5)
    expect(steps.first).to_contain_text(before["current"][:8])
    expect(steps.nth(3)).to_contain_text(before["next"][:8])
    assert kids(shown)["current"] == before["next"]
