"""The page of `make local` while the stack goes away and comes back: the button, and a kill."""

import signal
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser import browser, context_of
from tests.local.make_local import MakeLocal, get_json, remembered


def test_the_button_restarts_it_with_short_times_and_back(
    make_local: Callable[..., MakeLocal],
) -> None:
    with browser() as started, context_of(started) as context:
        local = make_local()
        outputs = local.outputs()
        url = outputs["jwks_uri"].removesuffix(".well-known/jwks.json")
        assert f"open {url} in a browser" in local.output
        page = context.new_page()
        page.goto(url)
        page.get_by_role("button", name="Restart with short times…").click()
        dialogue = page.get_by_role("dialog")
        expect(dialogue).to_contain_text("URLs, keys, users and their passwords stay")
        dialogue.get_by_role("button", name="Restart").click()
        expect(page.locator("#where")).to_contain_text("with examples/short-times.yaml")
        assert remembered(local.outputs()) == remembered(outputs)
        page.get_by_role("button", name="Back to the usual times…").click()
        dialogue.get_by_role("button", name="Restart").click()
        expect(page.locator("#where")).not_to_contain_text("short-times")
        assert remembered(local.outputs()) == remembered(outputs)
        descendants = local.descendants()
        assert local.stop(signal.SIGINT) == 0
        local.assert_nothing_is_left(descendants)


def test_a_page_that_is_open_when_the_stack_dies_says_so_and_goes_on_when_it_is_back(
    make_local: Callable[..., MakeLocal],
) -> None:
    with browser() as started, context_of(started) as context:
        local = make_local()
        url = local.outputs()["jwks_uri"].removesuffix(".well-known/jwks.json")
        page = context.new_page()
        page.goto(url)
        state = page.locator("#state")
        expect(page.locator("#keys-summary")).to_contain_text("signs")
        expect(state).to_be_hidden()
        local.stop(signal.SIGKILL)
        expect(state).to_contain_text("Start it with make local")
        page.get_by_role("button", name="Rotate…").click()
        expect(page.locator("#keys-outcome")).to_contain_text("does not answer")
        again = make_local(LOCAL_PORT=str(local.port))
        again.outputs()
        expect(state).to_be_hidden()
        current = next(
            key["kid"] for key in get_json(f"{url}page/keys")["keys"] if key["state"] == "current"
        )
        expect(page.locator("#keys-summary")).to_contain_text(current[:8])
