"""`token`: a PowerSync token as anybody, of the local stack only.

For trying sync rules as another user. No function has such an entry: the key ring is read as the
embedded AWS's root, which a stack in AWS refuses to everybody but its own functions.
"""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from jwt import get_unverified_header

from operate.errors import OperatorError
from operate.refusals import explained
from operate.stacks import Stack, local_stack
from operate.terminal import AsJson, print_json, say
from token_service.keys import ring_document
from token_service.keys.signer import Signer
from token_service.keys.tokens import Token, TokenIssuer, TokenTooLargeError
from token_service.reserved import PROTECTED_CLAIMS
from token_service.settings import TokenSettings


def token(
    sub: Annotated[str, typer.Option(help="The user whom the token is for.")],
    role: Annotated[str, typer.Option(help="The claim `role`.")] = "authenticated",
    claims: Annotated[str, typer.Option(help="More claims, as a JSON object.")] = "{}",
    as_json: AsJson = False,
) -> None:
    """Print a token of the local stack for any user, to try sync rules with."""
    stack = local_stack()
    settings = token_settings(stack)
    made = issue(stack, settings, sub, role, parsed_claims(claims))
    if not as_json:
        say(made.encoded)
        return
    answer = {
        "token": made.encoded,
        "endpoint": settings.powersync_url,
        "expiresAt": made.expires_at,
        "userId": made.subject,
        "kid": get_unverified_header(made.encoded)["kid"],
    }
    print_json(answer)


def parsed_claims(text: str) -> Mapping[str, Any]:
    """The claims of a JSON object; raises `OperatorError` where it is none, or has ours."""
    try:
        claims = json.loads(text)
    except ValueError as error:
        raise OperatorError(
            f"CLAIMS should be a JSON object, such as {_EXAMPLE} ({error})"
        ) from None
    if not isinstance(claims, dict):
        raise OperatorError(f"CLAIMS should be a JSON object, such as {_EXAMPLE}")
    if ours := sorted(PROTECTED_CLAIMS & claims.keys()):
        raise OperatorError(
            f"CLAIMS cannot set {', '.join(ours)}: `sub` is SUB, `role` is ROLE, and the others"
            " are the stack's own"
        )
    return claims


_EXAMPLE = """CLAIMS='{"org":"x"}'"""


def token_settings(stack: Stack) -> TokenSettings:
    """What the functions of a stack put into their tokens, as deployed."""
    function = stack.rotate_function.removesuffix("-rotate") + "-auth"
    with explained("lambda"):
        told = stack.client("lambda").get_function_configuration(FunctionName=function)
    return TokenSettings.from_environment(told["Environment"]["Variables"])


def issue(
    stack: Stack, settings: TokenSettings, sub: str, role: str, claims: Mapping[str, Any]
) -> Token:
    """Signs a token with the current key of a local stack, by the functions' own code.

    Raises:
        OperatorError: The stack is not local, there is no PowerSync URL, or the token is too large.
    """
    if not stack.is_local:
        raise OperatorError("only a local stack gives tokens as anybody")
    if not settings.audiences:
        raise OperatorError("powersyncUrl is not set, which tokens are for")
    with explained("secretsmanager"):
        secret = stack.client("secretsmanager").get_secret_value(SecretId=stack.secret_arn)
    ring = ring_document.loads(secret["SecretString"])
    issuer = TokenIssuer(settings.issuer, settings.audiences, settings.token_lifetime_seconds)
    signer = Signer.from_key(ring.current)
    try:
        return issuer.issue(signer, subject=sub, role=role, now=time.time(), claims=claims)
    except TokenTooLargeError as error:
        raise OperatorError(str(error)) from error
