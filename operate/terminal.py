"""What operators' commands print: text for people, or JSON for programs."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

StackName = Annotated[str, typer.Option("--stack", help="A deployed stack; else the local one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]

console = Console(highlight=False, emoji=False, markup=False)
errors = Console(stderr=True, highlight=False, emoji=False)


def say(text: str = "") -> None:
    """A line of any length, which the terminal wraps and a program can read."""
    console.print(text, soft_wrap=True)


def print_json(document: object) -> None:
    """The one thing on standard output, as a JSON document; times are epoch seconds."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def moment(epoch_seconds: float) -> str:
    """A time as the operator's clock shows it."""
    return datetime.fromtimestamp(epoch_seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def duration(seconds: float) -> str:
    """A duration in the two largest units that say something: `1 h 3 min`."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    left = max(0, round(seconds))
    parts = []
    for unit, size in units:
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2]) or "0 s"
