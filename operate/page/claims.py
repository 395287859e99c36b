"""What each part of a PowerSync token is for, for somebody who sees one for the first time."""

from collections.abc import Mapping
from typing import Any

from operate.terminal import duration, moment
from token_service.reserved import SHARED_SUBJECT, SUBJECT_PREFIX

_HEADER = {
    "alg": "How it is signed. PowerSync takes no other algorithm than its key says.",
    "kid": "Which key signed it. PowerSync looks for this one in the JWKS.",
    "typ": "That it is a JWT (RFC 7519).",
}

_CLAIMS = {
    "aud": "Whom it is for. PowerSync takes it only if one of its own audiences is here.",
    "iss": "Who gave it: this stack. PowerSync does not look at it.",
    "role": "Signed in or anonymous: auth.parameter('role') in sync rules.",
    "jti": "A number of its own, by which it is told from a device's token.",
    "previous_sub": "The anonymous user that this one was before, so that rows can be taken over.",
    "parameters": "An object that sync rules read as a whole.",
}


def explained_header(header: Mapping[str, Any], states: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each member of a token's header, with what it is for.

    Args:
        header: Of a token that need not be one of this stack.
        states: Of the keys of the ring, by `kid`.
    """
    rows = [_row(name, value, _HEADER.get(name, "")) for name, value in header.items()]
    for row in rows:
        if row["name"] == "kid":
            state = states.get(str(row["value"]))
            is_what = f"It is the {state} key." if state else "It is no key of this stack."
            row["means"] = f"{row['means']} {is_what}"
    return rows


def explained_claims(claims: Mapping[str, Any], now: float) -> list[dict[str, Any]]:
    """Each claim of a token, with what it is for.

    Args:
        claims: Of a token that need not be one of this stack.
        now: Epoch seconds.
    """
    return [_row(name, value, _meaning(name, value, now)) for name, value in claims.items()]


def _row(name: str, value: Any, means: str) -> dict[str, Any]:
    return {"name": name, "value": value, "means": means}


def _meaning(name: str, value: Any, now: float) -> str:
    match name:
        case "sub":
            return f"Who it is for: auth.user_id() in sync rules. {_kind_of_user(value)}".strip()
        case "iat":
            return f"When it was given: {_when(value, now)}."
        case "exp":
            return f"Until when it is good: {_when(value, now)}. PowerSync adds 60 s for clocks."
        case "nbf":
            return f"From when on it is good: {_when(value, now)}."
        case "previous_iat":
            return f"When that was proven last: {_when(value, now)}."
        case _:
            return _CLAIMS.get(name, f"From the login: auth.parameter('{name}') in sync rules.")


def _kind_of_user(subject: Any) -> str:
    if subject == SHARED_SUBJECT:
        return "All anonymous users share this one."
    if isinstance(subject, str) and subject.startswith(SUBJECT_PREFIX):
        return "An anonymous device's."
    return ""


def _when(value: Any, now: float) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "no time"
    try:
        at = moment(value)
    except (OverflowError, ValueError, OSError):
        return "no time that a clock shows"
    return (
        f"{at}, {f'in {duration(value - now)}' if value > now else f'{duration(now - value)} ago'}"
    )
