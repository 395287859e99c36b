"""`doctor`: why does it not sync?"""

import getpass
import logging
import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from operate import BEGAN
from operate.doctor.checks import Check
from operate.doctor.examination import Part, examine, run, time_left
from operate.doctor.login_checks import login_verdict
from operate.doctor.site import PATIENCE, Site
from operate.doctor.token_checks import verdict_check
from operate.errors import OperatorError
from operate.stacks import chosen_stack
from operate.terminal import AsJson, StackName, errors, print_json

NOT_ASKED = 2
"""The exit status where the question could not be asked."""

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]-[/]"}


def doctor(
    stack: StackName = "",
    token: Annotated[
        str, typer.Option(envvar="DOCTOR_TOKEN", help="Judge this PowerSync token; - reads it.")
    ] = "",
    login: Annotated[
        str, typer.Option(envvar="DOCTOR_LOGIN", help="Judge this login token; - reads it.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Look at the whole path from a login to a sync, and say what is wrong and what mends it.

    Exits with 0 where nothing is wrong, 1 where something is, 2 where that could not be told.
    """
    # What the functions' code would log is told in the report.
    logging.getLogger("token_service").addHandler(logging.NullHandler())
    logging.getLogger("token_service").propagate = False
    try:
        if token and login:
            raise OperatorError("one at a time: TOKEN or LOGIN")
        began = BEGAN
        if token or login:
            encoded = _given(token or login, "TOKEN" if token else "LOGIN")
            began = time.monotonic()  # Whoever types it may take their time.
        chosen = chosen_stack(stack, PATIENCE)
    except OperatorError as error:
        if as_json:
            print_json({"ok": None, "error": str(error), "checks": []})
        errors.print("Not asked:", style="bold", end=" ")
        errors.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(NOT_ASKED) from error
    time_limit = time_left(time.monotonic() - began)
    # One answer that does not come is told of in time.
    site = Site(chosen, time.time, min(PATIENCE, round(time_limit - 1, 1)))
    if token:
        judged = Part("token.verdict", lambda: [verdict_check(site, encoded)])
        checks = run([judged], lambda _: None, time_limit)
    elif login:
        judged = Part("login.verdict", lambda: [login_verdict(site, encoded)])
        checks = run([judged], lambda _: None, time_limit)
    else:
        checks = _examined(site, time_limit)
    status = _status(checks)
    if as_json:
        documents = [check.document() for check in checks]
        print_json({"ok": status == 0, "checks": documents})
    else:
        _show(checks)
    raise typer.Exit(status)


def _given(text: str, name: str) -> str:
    """A token from the command line, from standard input, or typed where nobody sees it."""
    if text != "-":
        errors.print(
            f"{name} is in your shell's history now; {name}=- reads it from standard input.",
            style="yellow",
        )
        return text.strip()
    if sys.stdin.isatty():
        return getpass.getpass(f"{name} (not shown): ").strip()
    encoded = sys.stdin.read().strip()
    if not encoded:
        raise OperatorError(f"nothing came on standard input for {name}=-")
    return encoded


def _examined(site: Site, time_limit: float) -> list[Check]:
    with errors.status("Looking") as status:
        return examine(
            site, time_limit, lambda left: status.update(f"Looking at {', '.join(left)}")
        )


def _status(checks: Sequence[Check]) -> int:
    if any(check.ok is False for check in checks):
        return 1
    return 0 if any(check.ok for check in checks) else NOT_ASKED


def _show(checks: Sequence[Check]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        table.add_row(_MARKS[check.ok], escape(check.id), escape(check.seen))
        for step in check.steps:
            if step.ok is not None:
                seen = f"{step.name}: {step.seen}"
                table.add_row("", "", f"{_MARKS[step.ok]} {escape(seen)}")
        if left := [step.name for step in check.steps if step.ok is None]:
            table.add_row("", "", f"{_MARKS[None]} not reached: {', '.join(left)}")
        if check.ok is False:
            code = f"[bold]{check.code}[/]: " if check.code else ""
            table.add_row("", "", f"{code}{escape(check.means)}")
        if check.ok is not True and check.do:
            table.add_row("", "", f"[bold]→[/] {escape(check.do)}")
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 160
    console.print(table)
    wrong = sum(check.ok is False for check in checks)
    console.print()
    if wrong:
        console.print(f"{wrong} of {len(checks)} checks {'is' if wrong == 1 else 'are'} wrong.")
    elif _status(checks) == 0:
        console.print("Nothing is wrong.")
    else:
        console.print("Nothing could be looked at.")
