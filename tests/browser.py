"""A real browser: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

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
    # Its sandbox does not work for root.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*_QUIET, *sandbox, *arguments], timeout=120_000
        )
        try:
            yield started
        finally:
            started.close()
