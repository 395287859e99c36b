"""A real browser: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.patience import PATIENT

PATIENT_MS = PATIENT * 1000

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_QUIET = (
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-gpu", "--disable-quic", "--no-first-run"),
)


@contextmanager
def browser(*arguments: str) -> Iterator[Browser]:
    """Chromium without a window; skips the test where there is none.

    Args:
        arguments: More of its command line.
    """
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: on Debian, apt install chromium")
    expect.set_options(timeout=PATIENT_MS)
    # Its sandbox does not work for root.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*_QUIET, *sandbox, *arguments], timeout=PATIENT_MS
        )
        try:
            yield started
        finally:
            started.close()


@contextmanager
def context_of(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """A context of its own, in which everything is waited for as long as tests wait."""
    with browser.new_context(**options) as context:
        context.set_default_timeout(PATIENT_MS)
        yield context
