"""`user`: another user of the local stack's user pool."""

import secrets
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from operate.errors import OperatorError
from operate.refusals import explained
from operate.stacks import Stack, local_stack
from operate.terminal import AsJson, print_json, say


@dataclass(frozen=True, slots=True)
class User:
    """A user who can sign in; `sub` is the subject of the user's tokens."""

    email: str
    password: str
    sub: str


def user(
    email: Annotated[str, typer.Option(help="The address that the user signs in with.")],
    password: Annotated[
        str, typer.Option(help="`-` reads one from standard input; else one is made up.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make another user of the local stack, who can sign in at once."""
    if password not in ("", "-"):
        raise OperatorError(
            "a password on the command line ends in the shell's history; PASSWORD=- reads it from"
            " standard input"
        )
    made = create_user(local_stack(), email, _read_password() if password else None)
    if as_json:
        print_json({"email": made.email, "password": made.password, "sub": made.sub})
        return
    say(f"email     {made.email}")
    say(f"password  {made.password if not password else '(as given)'}")
    say(f"sub       {made.sub}")


def create_user(stack: Stack, email: str, password: str | None = None) -> User:
    """Makes a user with a verified address and a lasting password, made up if none is given.

    Raises:
        OperatorError: There is no user pool, or it refuses the address or the password.
    """
    pool = stack.outputs.get("user_pool_id")
    if not pool:
        raise OperatorError("this stack has no user pool; createUserPool: true makes one")
    # Letters of both cases, digits and a symbol satisfy any password policy of Cognito's.
    password = password or f"Aa1-{secrets.token_urlsafe(18)}"
    cognito = stack.client("cognito-idp")
    with explained("cognito-idp"):
        attributes = [
            {"Name": "email", "Value": email},
            {"Name": "email_verified", "Value": "true"},
        ]
        try:
            made = cognito.admin_create_user(
                UserPoolId=pool,
                Username=email,
                MessageAction="SUPPRESS",
                UserAttributes=attributes,
            )
        except cognito.exceptions.UsernameExistsException as error:
            raise OperatorError(f"there is a user {email} already; take another one") from error
        try:
            cognito.admin_set_user_password(
                UserPoolId=pool, Username=email, Password=password, Permanent=True
            )
        except cognito.exceptions.InvalidPasswordException as error:
            cognito.admin_delete_user(UserPoolId=pool, Username=email)
            message = error.response["Error"]["Message"]
            raise OperatorError(f"the user pool refuses the password: {message}") from error
    return User(email, password, _sub(made["User"]))


def _sub(told: dict[str, Any]) -> str:
    return next(str(each["Value"]) for each in told["Attributes"] if each["Name"] == "sub")


def _read_password() -> str:
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise OperatorError("there is no password on standard input")
    return password
