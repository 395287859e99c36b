"""The page of the local stack in a real Chromium: every button pressed, every width looked at."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.stack import LocalStack
from operate.page.routes import StackPage
from tests.browser import context_of
from tests.local.page import button, complaints_of, kids, open_page, ring
from tests.local.page_contrast import CONTRASTS
from tests.loopback import Request, Response, serving
from tests.patience import PATIENT

ROOT = Path(__file__).resolve().parents[2]
AA = 4.5
"""The contrast of text that WCAG 2.2 asks for at level AA (1.4.3)."""


def claim(page: Page, name: str) -> str:
    row = page.locator(".claims > div").filter(has=page.locator(f"dt:text-is('{name}')"))
    return row.locator(".value").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_it_can_be_read_at_every_width_in_light_and_dark(
    browser: Browser, shown: LocalStack, width: int, scheme: Any
) -> None:
    viewport = {"width": width, "height": 800}
    with context_of(browser, viewport=viewport, color_scheme=scheme) as context:
        page = context.new_page()
        complaints = complaints_of(page)
        open_page(page, shown)
        button(page, "As user@example.com").click()
        expect(page.locator("#verdict")).to_have_text("accepted")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 80
        assert [each for each in contrasts if each[0] < AA] == []
        assert complaints == []


def test_a_token_is_got_as_the_user_and_taken_apart(page: Page, shown: LocalStack) -> None:
    button(page, "As user@example.com").click()
    expect(page.locator("#verdict")).to_have_text("accepted")
    assert claim(page, "role") == "authenticated"
    assert claim(page, "iss") == shown.outputs["issuer"]
    expect(page.locator(".claims")).to_contain_text(["It is the current key.", "auth.user_id()"])
    button(page, "Copy the token").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#raw-token").inner_text()
    assert copied.count(".") == 2
    assert copied not in page.url


def test_a_new_device_is_another_user_and_the_same_device_the_same(page: Page) -> None:
    expect(button(page, "As the same device again")).to_be_hidden()
    subjects = []
    for way in ("As a new anonymous device", "As the same device again"):
        button(page, way).click()
        expect(page.locator("#verdict")).to_have_text("accepted")
        subjects.append(claim(page, "sub"))
        page.evaluate("document.getElementById('token-shown').hidden = true")
    page.reload()
    button(page, "As the same device again").click()
    expect(page.locator("#verdict")).to_be_visible()
    subjects.append(claim(page, "sub"))
    assert subjects[0].startswith("anon-")
    assert len(set(subjects)) == 1
    page.evaluate("document.getElementById('token-shown').hidden = true")
    button(page, "As a new anonymous device").click()
    expect(page.locator("#verdict")).to_be_visible()
    assert claim(page, "sub") not in subjects


def test_a_token_as_anybody_has_the_claims_that_were_asked_for(page: Page) -> None:
    page.get_by_text("As anybody, to try sync rules").click()
    page.get_by_label("sub", exact=True).fill("ann")
    page.get_by_label("more claims, as JSON").fill('{"org": "x"')
    button(page, "Get it").click()
    expect(page.locator("#token-outcome")).to_contain_text("CLAIMS should be a JSON object")
    page.get_by_label("more claims, as JSON").fill('{"org": "x"}')
    button(page, "Get it").click()
    expect(page.locator("#verdict")).to_have_text("accepted")
    assert (claim(page, "sub"), claim(page, "org")) == ("ann", "x")
    expect(page.locator(".claims").last).to_contain_text("auth.parameter('org')")


def test_a_token_that_somebody_has_is_judged_as_powersync_would(page: Page) -> None:
    page.get_by_text("Look at a token that you have").click()
    page.get_by_label("a PowerSync token").fill("a.b.c")
    button(page, "Judge it").click()
    expect(page.locator("#verdict")).to_have_text("refused PSYNC_S2101")
    expect(page.locator("#token-shown")).to_contain_text("its header is no JSON object")
    expect(page.locator(".steps .fail")).to_have_count(1)


def test_requests_come_by_themselves_with_the_reason_of_a_refusal(
    page: Page, shown: LocalStack
) -> None:
    refused = httpx.post(
        shown.outputs["token_url"], headers={"Authorization": "Bearer x.y"}, timeout=PATIENT
    )
    assert refused.status_code == 401
    newest = page.get_by_role("list", name="Requests, newest first").get_by_role("listitem").first
    expect(newest).to_contain_text("POST /token")
    expect(newest).to_contain_text("401")
    expect(newest).to_contain_text("answered: invalid_token")
    expect(newest).to_contain_text("the log: credential refused")


def test_what_is_to_be_copied_is_copied_as_it_stands(page: Page, shown: LocalStack) -> None:
    titles = page.locator(".snippet h4").all_inner_texts()
    copied = {}
    for title in titles:
        button(page, f"Copy {title}").click()
        copied[title] = page.evaluate("navigator.clipboard.readText()")
    jwks_uri = shown.outputs["jwks_uri"]
    assert copied["client_auth of service.yaml"] == shown.outputs["powersync_client_auth"].strip()
    assert copied["The public keys"] == f"curl -s {jwks_uri}"
    assert shown.outputs["token_url"] in copied["The connector, with this stack's URLs"]
    whole = (ROOT / "docs/clients/connector.ts").read_text().strip()
    assert copied["connector.ts, which it imports"] == whole
    assert any("InitiateAuth" in text for text in copied.values())
    page.get_by_text("Show its").click()
    expect(page.get_by_text("class TokenConnector")).to_be_visible()


def test_it_can_be_used_with_the_keyboard_alone(page: Page, shown: LocalStack) -> None:
    before = kids(shown)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the signing keys")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "revoke-all":
            break
    page.keyboard.press("Enter")
    dialogue = page.get_by_role("dialog")
    # What changes nothing is what a second Enter presses.
    expect(button(dialogue, "Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialogue).to_be_hidden()
    expect(page.locator("#revoke-all")).to_be_focused()
    assert kids(shown) == before


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    seen = []
    for theme in ("light", "dark"):
        page.locator("#theme").click()
        expect(page.locator("#theme")).to_have_text(f"Theme: {theme}")
        seen.append(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(set(seen)) == 2
    page.reload()
    expect(page.locator("#theme")).to_have_text("Theme: dark")
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: system")


def test_nothing_moves_for_whoever_wants_it_so(browser: Browser, shown: LocalStack) -> None:
    for wanted, moves in (("reduce", False), ("no-preference", True)):
        with context_of(browser, reduced_motion=wanted) as context:
            page = context.new_page()
            open_page(page, shown)
            style = "getComputedStyle(document.documentElement).scrollBehavior"
            assert (page.evaluate(style) == "smooth") is moves
            page.evaluate("document.addEventListener('animationstart', () => window.moved = true)")
            httpx.get(shown.outputs["jwks_uri"], timeout=PATIENT)
            expect(page.locator(".requests > li.new")).not_to_have_count(0)
            if moves:
                page.wait_for_function("window.moved")
            else:
                page.wait_for_timeout(200)
            assert bool(page.evaluate("window.moved")) is moves


def test_a_page_of_somebody_else_can_do_nothing_with_it(
    context: BrowserContext, shown: LocalStack
) -> None:
    before = ring(shown)["keys"]
    attack = """
        async (url) => {
            const seen = [];
            const body = '{"all": true}';
            const headers = { "Content-Type": "application/json" };
            for (const options of [
                { method: "POST", mode: "no-cors", body },
                { method: "POST", headers, body },
                { method: "GET" },
            ]) {
                try {
                    const answer = await fetch(url, options);
                    seen.push(answer.type === "opaque" ? "opaque" : answer.status);
                } catch (error) {
                    seen.push(error.name);
                }
            }
            return seen;
        }
    """

    def html(_: Request) -> Response:
        frame = (
            f'<a href="{shown.door.url}/">the stack</a><iframe src="{shown.door.url}/"></iframe>'
        )
        return Response(200, frame.encode(), {"Content-Type": "text/html"})

    with serving(html) as origin:
        stranger = context.new_page()
        stranger.goto(origin)
        seen = stranger.evaluate(attack, f"{shown.door.url}/page/revoke")
        # Not even an opaque answer: Cross-Origin-Resource-Policy.
        assert seen == ["TypeError"] * 3
        assert ring(shown)["keys"] == before
        with stranger.expect_navigation() as arrived:
            stranger.get_by_text("the stack").click()
        assert arrived.value is not None
        assert arrived.value.status == 403
        assert "type its address in" in stranger.inner_text("body")


def test_what_is_off_says_what_to_set(context: BrowserContext) -> None:
    nothing = {"createUserPool": False, "anonymous": {"enabled": False}}
    page = StackPage()
    with LocalStack(nothing, routes=page.routes, visited=page.visited) as stack:
        page.show(stack.outputs, lambda _: None)
        opened = context.new_page()
        open_page(opened, stack)
        tokens = opened.locator("#tokens")
        expect(tokens).to_contain_text("createUserPool: true in the configuration")
        expect(tokens).to_contain_text("Anonymous tokens are off: anonymous: {enabled: true}")
        expect(opened.locator("#token-ways button:visible")).to_have_count(0)
        opened.get_by_text("As anybody, to try sync rules").click()
        button(opened, "Get it").click()
        expect(opened.locator("#verdict")).to_have_text("accepted")
