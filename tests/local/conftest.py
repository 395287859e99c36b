"""The deployed local stack, started once for all tests that only look at it; and its page."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from local.stack import LocalStack
from operate.__main__ import main
from operate.page.routes import StackPage
from tests.browser import browser as chromium
from tests.browser import context_of
from tests.local.make_local import MakeLocal
from tests.local.operators import Command, Ran
from tests.local.page import complaints_of, open_page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    with LocalStack() as deployed:
        yield deployed


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs an operators' command in this process, with nobody at a terminal."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["operate", *arguments])
        capsys.readouterr()
        status = main()
        return Ran(status, *capsys.readouterr())

    return run


@pytest.fixture
def make_local(tmp_path: Path) -> Iterator[Callable[..., MakeLocal]]:
    """Starts `make local`, as often as a test likes."""
    started: list[MakeLocal] = []

    def start(**environment: str) -> MakeLocal:
        started.append(MakeLocal(tmp_path / str(len(started)), **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()


@pytest.fixture(scope="module")
def shown() -> Iterator[LocalStack]:
    """A stack with its page, and with times so short that its keys can be rotated meanwhile."""
    page = StackPage()
    config = ROOT / "examples/short-times.yaml"
    with LocalStack(config_file=config, routes=page.routes, visited=page.visited) as stack:
        page.show(stack.outputs, lambda _: None)
        yield stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with context_of(browser, permissions=["clipboard-read", "clipboard-write"]) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, shown: LocalStack) -> Iterator[Page]:
    opened = context.new_page()
    complaints = complaints_of(opened)
    open_page(opened, shown)
    yield opened
    assert complaints == []
