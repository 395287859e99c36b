"""`python -m operate keys`, `rotate`, `revoke`: the signing keys of a stack."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from operate.key_ring import KeyRing, Status, duration, moment
from operate.stacks import OperatorError, Stack, deployed_stack, local_stack

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
console = Console(highlight=False, emoji=False)
errors = Console(stderr=True, highlight=False, emoji=False)

StackName = Annotated[str, typer.Option("--stack", help="A deployed stack; else the local one.")]


@app.command()
def keys(stack: StackName = "") -> None:
    """Show the signing keys."""
    _show(KeyRing(_stack(stack)).status(), stack)


@app.command()
def rotate(stack: StackName = "") -> None:
    """Let the next key sign, and keep the current one until its tokens have expired."""
    ring = KeyRing(_stack(stack))
    with console.status("Looking at the keys") as status:

        def progress(text: str) -> None:
            status.update(text)
            console.print(f"  {text}")

        rotated = ring.rotate(progress)
    console.print("Rotated.\n" if rotated else "Cleaned up; the same key signs as before.\n")
    _show(ring.status(), stack)


@app.command()
def revoke(
    kid: Annotated[str, typer.Option(help="The key to revoke.")] = "",
    all_keys: Annotated[bool, typer.Option("--all", help="Every key: the ring leaked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: StackName = "",
) -> None:
    """Take a key out of use and out of the JWKS at once: an emergency."""
    if bool(kid) == all_keys:
        raise OperatorError("name one key with --kid, or all of them with --all")
    ring = KeyRing(_stack(stack))
    if sys.stdin.isatty() and not yes:
        what = "every signing key" if all_keys else f"the key {kid}"
        console.print("All tokens that it has signed become invalid.")
        if all_keys:
            console.print("Clients fail until PowerSync has fetched the new keys.")
        typer.confirm(f"Revoke {what}?", abort=True)
    told = ring.revoke(None if all_keys else kid)
    _explain_revocation(told)
    with console.status("Restarting the functions, so that they forget the key"):
        try:
            restarted, left = ring.restart_functions()
        except OperatorError as error:
            restarted, left = [], {"functions of this stack": str(error)}
    if restarted:
        console.print(f"Restarted {', '.join(restarted)}.", soft_wrap=True)
    for name, reason in left.items():
        errors.print(f"Not restarted: {name}: {reason}", soft_wrap=True)
    if left:
        console.print(
            "What was not restarted forgets the key when its caches end, after 5 minutes at most"
            " (1 minute for the JWKS); until then new tokens may carry the revoked key.",
            soft_wrap=True,
        )
    console.print()
    _show(ring.status(), stack)


def _stack(name: str) -> Stack:
    return deployed_stack(name) if name else local_stack()


def _explain_revocation(told: Mapping[str, Any]) -> None:
    console.print(f"Revoked {', '.join(told['revoked'])}.", soft_wrap=True)
    console.print(f"The key that signs is {told['current']}.", soft_wrap=True)
    console.print(
        "\nPowerSync caches keys, and accepts tokens of a revoked one for a while:\n"
        f"  an instance in use    until {moment(told['refused_by_busy_verifiers_at'])}\n"
        f"  an idle instance      until {moment(told['refused_by_all_verifiers_at'])}\n"
        "Restart the instance to have it forget the key at once."
    )
    known_at = told["current_known_to_all_verifiers_at"]
    if known_at > told["now"]:
        console.print(
            "The key that signs now had to take over before its time: until"
            f" {moment(known_at)} an instance may refuse its tokens. One in use fetches the key"
            " with the first token that it does not know, within about a minute.",
            soft_wrap=True,
        )
    console.print()


def _show(status: Status, stack: str) -> None:
    again = f"make rotate STACK={stack}" if stack else "make rotate"
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in (
        "state",
        "kid",
        "alg",
        "age",
        "published since",
        "signs since",
        "leaves JWKS after",
    ):
        table.add_column(column, no_wrap=True, overflow="fold")
    for key in status.keys:
        table.add_row(
            str(key["state"]),
            str(key["kid"]),
            str(key["alg"]),
            duration(status.now - key["created_at"]),
            *(_moment(key[name]) for name in ("published_at", "signing_since", "leaves_at")),
        )
    wide = Console(highlight=False, emoji=False, width=max(console.width, 150))
    wide.print(table)
    console.print()
    if status.change_in_progress is not None:
        since = status.change_in_progress["since"]
        if since is None:
            console.print(f"A rotation has begun and has made no key; {again} finishes it.")
        else:
            console.print(f"A change is under way since {duration(status.now - since)}.")
    elif status.rotation_possible_at > status.now:
        console.print(
            f"The next rotation may come at {moment(status.rotation_possible_at)},"
            f" in {duration(status.rotation_possible_at - status.now)}."
        )
    else:
        console.print(f"A rotation may come now: {again}")


def _moment(epoch_seconds: float | None) -> str:
    return "-" if epoch_seconds is None else moment(epoch_seconds)


def main() -> int:
    """Run a command; returns the exit status."""
    try:
        app(standalone_mode=False)
    except OperatorError as error:
        errors.print(f"[bold]Not done[/]: {error}", soft_wrap=True)
        return 1
    except typer.Abort:
        errors.print("Nothing was changed.")
        return 1
    except typer.TyperException as error:
        errors.print(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
