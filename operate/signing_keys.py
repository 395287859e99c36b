"""`keys`, `rotate`, `revoke`, `bootstrap`: the signing keys of a stack."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from operate.errors import OperatorError
from operate.key_ring import KeyRing, Status
from operate.stacks import chosen_stack
from operate.terminal import (
    AsJson,
    StackName,
    console,
    duration,
    errors,
    moment,
    print_json,
    say,
)
from token_service.keys.problems import ProblemKind

WHAT_A_NEW_RING_DOES = """\
A new key ring takes the place of one that cannot be read, whose keys are lost.
- Tokens that are about become invalid, within 7 minutes at an instance in use.
  The SDKs fetch others by themselves.
- Tokens of the new ring are refused by an instance in use until it has fetched
  the new keys: for about a minute.
- An anonymous device that comes back gets a new subject, and loses its data.
Without it nobody gets a token, an hour after the loss at the latest.\
"""

STILL_THERE = (ProblemKind.REVOKED, ProblemKind.NOT_SERVED, ProblemKind.UNREADABLE)
"""Problems with which verifiers cannot learn that a key was revoked."""


def keys(stack: StackName = "", as_json: AsJson = False) -> None:
    """Show the signing keys."""
    status = KeyRing(chosen_stack(stack)).status()
    if as_json:
        print_json(status.document)
    else:
        _show(status, stack)


def rotate(stack: StackName = "", as_json: AsJson = False) -> None:
    """Let the next key sign, and keep the current one until its tokens have expired."""
    ring = KeyRing(chosen_stack(stack))
    progress_on = errors if as_json else console
    with progress_on.status("Looking at the keys") as shown:

        def progress(text: str) -> None:
            shown.update(text)
            progress_on.print(f"  {text}")

        rotated = ring.rotate(progress)
    status = ring.status()
    if as_json:
        print_json({"rotated": rotated, "status": status.document})
        return
    say("Rotated.\n" if rotated else "Cleaned up; the same key signs as before.\n")
    _show(status, stack)


def revoke(
    kid: Annotated[str, typer.Option(help="The key to revoke, or how its kid begins.")] = "",
    all_keys: Annotated[bool, typer.Option("--all", help="Every key: the ring leaked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Take a key out of use and out of the JWKS at once: an emergency."""
    if bool(kid) == all_keys:
        raise OperatorError("name one key with --kid, or all of them with --all")
    ring = KeyRing(chosen_stack(stack))
    named = None if all_keys else ring.status().find(kid)
    if sys.stdin.isatty() and not yes:
        _ask(named)
    told = ring.revoke(named)
    if not as_json:
        _explain_revocation(told)
    with Console(stderr=True).status("Restarting the functions, so that they forget the key"):
        restarted, left = ring.restart_functions()
    if as_json:
        status = ring.status().document
        print_json({**told, "restarted": restarted, "not_restarted": left, "status": status})
        return
    _explain_restarts(restarted, left)
    say()
    _show(ring.status(), stack)


def bootstrap(
    new_ring: Annotated[
        bool, typer.Option("--new-ring", help="Replace a ring that is lost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: StackName = "",
    as_json: AsJson = False,
) -> None:
    """Make the key ring where there is none, and publish it."""
    ring = KeyRing(chosen_stack(stack))
    if new_ring and not yes:
        errors.print(WHAT_A_NEW_RING_DOES, markup=False, soft_wrap=True)
        if not sys.stdin.isatty():
            raise OperatorError("there is no terminal to ask at; YES=1 does it without asking")
        typer.confirm("Start a new key ring?", abort=True, err=True)
    current = ring.bootstrap(new_ring=new_ring)
    restarted, left = ring.restart_functions() if new_ring else ([], {})
    status = ring.status()
    if as_json:
        print_json({"restarted": restarted, "not_restarted": left, "status": status.document})
        return
    say(f"The key that signs is {current}.")
    _explain_restarts(restarted, left)
    say()
    _show(status, stack)


def _ask(kid: str | None) -> None:
    errors.print("All tokens that it has signed become invalid.")
    if kid is None:
        errors.print("Clients fail until PowerSync has fetched the new keys.")
    what = "every signing key" if kid is None else f"the key {kid}"
    typer.confirm(f"Revoke {what}?", abort=True, err=True)


def _explain_revocation(told: Mapping[str, Any]) -> None:
    say(f"Revoked {', '.join(told['revoked'])}.")
    say(f"The key that signs is {told['current']}.")
    say(
        "\nIf the key leaked, restart the PowerSync instance now, and check the data: a revocation"
        " ends no stream that is open, and whoever has the key may have opened one for up to 24"
        " hours. docs/rotation.md has more."
    )
    _explain_refusal(told)
    known_at = told["current_known_to_all_verifiers_at"]
    if known_at > told["now"]:
        say(
            "The key that signs now had to take over before its time: until"
            f" {moment(known_at)} an instance may refuse its tokens. One in use fetches the key"
            " with the first token that it does not know, within about a minute."
        )
    say()


def _explain_refusal(told: Mapping[str, Any]) -> None:
    """Until when PowerSync accepts the key: it has to be out of the JWKS first."""
    problems = told.get("problems", ())
    busy, idle = told["refused_by_busy_verifiers_at"], told["refused_by_all_verifiers_at"]
    if any(each["problem"] in STILL_THERE for each in problems):
        say("\nIt signs no more, but may still be published: PowerSync goes on accepting it.")
        _show_problems(problems)
        say(
            "Once it has been taken out, PowerSync accepts it for a while:\n"
            f"  an instance in use    for {duration(busy - told['now'])}, plus the gap between two"
            " requests\n"
            f"  an idle instance      for {duration(idle - told['now'])}\n"
            "Restart the instance then to have it forget the key at once."
        )
        return
    say(
        "\nPowerSync caches keys, and accepts tokens of a revoked one for a while:\n"
        f"  an instance in use    until {moment(busy)}, plus the gap between two requests\n"
        f"  an idle instance      until {moment(idle)}\n"
        "Restart the instance to have it forget the key at once."
    )
    _show_problems(problems)


def _explain_restarts(restarted: list[str], left: Mapping[str, str]) -> None:
    if restarted:
        say(f"Restarted {', '.join(restarted)}.")
    for name, reason in left.items():
        errors.print(f"Not restarted: {name}: {reason}", soft_wrap=True, markup=False)
    if left:
        say(
            "What was not restarted forgets the key when its caches end, after 5 minutes at most"
            " (1 minute for the JWKS); until then new tokens may carry the revoked key."
        )


def _show(status: Status, stack: str) -> None:
    """The keys in 80 columns: a `kid` to copy, and below it when it was what."""
    for key in status.keys:
        say(f"{key['state']:8}  {key['kid']}  {key['alg']}")
        for words, name in (
            ("published since", "published_at"),
            ("signs since" if key["state"] == "current" else "signed since", "signing_since"),
            ("signed until", "stopped_signing_at"),
            ("leaves the JWKS", "leaves_at"),
        ):
            if key[name] is not None:
                say(f"          {words:16} {moment(key[name])}, {_from(status.now, key[name])}")
    for key in status.retired:
        stopped = key["stopped_signing_at"]
        say(f"retired   {key['kid']}  {key['alg']}")
        say(f"          {'signed until':16} {moment(stopped)}, {_from(status.now, stopped)}")
    for key in status.legacy_keys:
        say(f"legacy    {key['kid']}  {key['alg']}")
        ends = status.revoked.get(key["kid"], key["until"])
        words = "leaves the JWKS" if ends > status.now else "left the JWKS"
        if key["kid"] in status.revoked:
            words = "revoked"
        say(f"          {words:16} {moment(ends)}, {_from(status.now, ends)}")
    _show_problems(status.problems)
    say()
    _show_what_is_possible(status, f"make rotate STACK={stack}" if stack else "make rotate")


def _show_problems(problems: Sequence[Mapping[str, Any]]) -> None:
    """What of the JWKS is not as the ring has it, and what to do about it."""
    if not problems:
        return
    say()
    for each in problems:
        of_what = f"the key {each['kid']} is " if each["kid"] else ""
        detail = f": {each['detail']}" if each["detail"] else ""
        say(f"Problem: {of_what}{each['problem']}{detail}")
    say(
        "The rotate function puts it right by itself as soon as it can publish. What stands in its"
        " way is in its log (make logs FUNCTION=rotate); docs/rotation.md has the cases."
    )


def _show_what_is_possible(status: Status, command: str) -> None:
    if status.change_in_progress is not None:
        since = status.change_in_progress["since"]
        if since is None:
            say(f"A rotation has begun and has made no key; {command} finishes it.")
        else:
            say(f"A change is under way since {duration(status.now - since)}.")
    elif status.rotation_possible_at > status.now:
        say(
            f"The next rotation may come at {moment(status.rotation_possible_at)},"
            f" in {duration(status.rotation_possible_at - status.now)}."
        )
    else:
        say(f"A rotation may come now: {command}")


def _from(now: float, then: float) -> str:
    return f"in {duration(then - now)}" if then > now else f"{duration(now - then)} ago"
