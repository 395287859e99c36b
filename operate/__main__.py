"""`python -m operate COMMAND`: what the operators' targets of the Makefile run."""

import os
import sys
import threading
from typing import NoReturn

import typer

from operate.doctor.command import doctor
from operate.errors import OperatorError
from operate.logs import logs
from operate.signing_keys import bootstrap, keys, revoke, rotate
from operate.terminal import errors
from operate.tokens import token
from operate.users import user

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
for command in (keys, rotate, revoke, bootstrap, logs, user, token, doctor):
    app.command()(command)


def main() -> int:
    """Run a command; returns the exit status."""
    try:
        # What a command exits with by itself; None where it just ends.
        status = app(standalone_mode=False)
    except OperatorError as error:
        errors.print("Not done:", style="bold", end=" ")
        errors.print(str(error), soft_wrap=True, markup=False)
        return 1
    except typer.Abort:
        errors.print("Nothing was changed.")
        return 1
    except typer.TyperException as error:
        errors.print(str(error), markup=False)
        return 2
    return status or 0


def leave(status: int) -> NoReturn:
    """End this process, whatever its threads wait for.

    Python by itself would wait for those of executors. Nothing is left for it to do: all has been
    told, and a thread that was left behind may hang for ever.
    """
    if threading.active_count() > 1:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    leave(main())
