"""What tests do with the page of the local stack, in a browser and beside it."""

from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from local.stack import LocalStack
from tests.patience import PATIENT


def complaints_of(page: Page) -> list[str]:
    """What the browser complains of, such as a breach of the policy; filled in as it comes."""
    complaints: list[str] = []

    def add(text: str) -> None:
        # An answer of 4xx that a test has asked for is a line there, too.
        if "Failed to load resource" not in text:
            complaints.append(text)

    page.on("console", lambda message: add(message.text))
    page.on("pageerror", lambda error: add(str(error)))
    return complaints


def open_page(page: Page, stack: LocalStack) -> None:
    page.goto(f"{stack.door.url}/")
    expect(page.locator(".snippet").first).to_be_visible()


def ring(stack: LocalStack) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{stack.door.url}/page/keys", timeout=PATIENT).json()
    return document


def kids(stack: LocalStack) -> dict[str, str]:
    return {key["state"]: key["kid"] for key in ring(stack)["keys"]}


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)
