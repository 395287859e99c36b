"""The key ring as the document that the secret holds.

Somebody may have edited it by hand. What nothing can be done without has to be right: each key's
`kid` and state, and the ring's invariants. Of the rest, what cannot be read is logged and counts as
not said, so that one member does not lock the ring: a key that cannot sign can still be revoked.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TypeVar

from token_service.keys.keyring import (
    MOST_RETIRED,
    KeyRing,
    KeyRingError,
    RetiredKey,
    SigningKey,
    State,
    checked,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

LARGEST_RING = 65_536
"""Bytes that a secret holds."""


def dumps(ring: KeyRing) -> str:
    """The document that the secret holds.

    The device secrets of retired keys stand by themselves: the release before them reads a ring
    with further members, but none with further members of a key.
    """
    data = asdict(ring)
    secrets = {key["kid"]: key.pop("device_secret") for key in data["retired"]}
    data["device_secrets"] = {kid: secret for kid, secret in secrets.items() if secret}
    return json.dumps({"version": 1, **data}, separators=(",", ":"))


def trimmed(ring: KeyRing) -> KeyRing:
    """The ring, without what it remembers longest where a secret does not hold it all.

    Revoked `kid`s go first, down to the latest `MOST_RETIRED`: a token of an older one has expired
    long since. Then retired keys, whose anonymous devices lose their subject.
    """
    while len(dumps(ring)) > LARGEST_RING:
        latest = sorted(ring.revoked.items(), key=lambda revoked: revoked[1])
        if len(latest) > MOST_RETIRED or (latest and not ring.retired):
            ring = replace(ring, revoked=dict(latest[1:]))
        elif ring.retired:
            ring = replace(ring, retired=ring.retired[1:])
        else:
            raise KeyRingError(f"{len(ring.keys)} keys do not fit into a secret together")
    return ring


def loads(document: str) -> KeyRing:
    """The ring of a document; raises `KeyRingError` if it is none, never quoting its content."""
    try:
        data = json.loads(document)
        if data["version"] != 1:
            raise KeyRingError(f"key ring of version {data['version']!r}, this code reads 1")
        keys = tuple(_signing_key(key) for key in data["keys"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # The cause would quote private members.
        raise KeyRingError(
            "the secret does not hold a key ring; docs/rotation.md says what to do when the ring is"
            " lost"
        ) from None
    return checked(
        KeyRing(
            keys=keys,
            retired=_retired_keys(data.get("retired"), data.get("device_secrets", {})),
            revoked=_revoked(data.get("revoked")),
            generation=_whole_number(data.get("generation"), "generation"),
            derived_from=_typed(data.get("derived_from"), (str, type(None)), "derived_from", None),
            forced=_typed(data.get("forced"), (bool,), "forced", False),
        )
    )


def _signing_key(member: Mapping[str, object]) -> SigningKey:
    kid, alg, state = member["kid"], member.get("alg"), State(str(member["state"]))
    if not isinstance(kid, str) or not kid:
        raise KeyRingError("a key of the key ring has no kid")
    if not isinstance(alg, str):
        alg = _unreadable("alg", kid, "")
    created_at = _whole_number(member.get("created_at"), "created_at", kid)
    return SigningKey(kid, alg, state, created_at, _jwk(member.get("private_jwk"), kid))


def _retired_keys(members: object, device_secrets: object) -> tuple[RetiredKey, ...]:
    if not isinstance(members, list):
        return _unreadable("retired", None, ())
    secrets: dict[str, str] = {}
    if isinstance(device_secrets, dict):
        secrets = {kid: told for kid, told in device_secrets.items() if isinstance(told, str)}
    if secrets != device_secrets:
        _unreadable("device_secrets", None, None)
    retired = []
    for member in members:
        match member:
            case {
                "kid": str(kid),
                "alg": str(alg),
                "public_jwk": dict(jwk),
                "stopped_signing_at": int() | float() as stopped,
            }:
                retired.append(RetiredKey(kid, alg, _jwk(jwk, kid), stopped, secrets.get(kid)))
            case _:
                _unreadable("retired", None, ())
    return tuple(retired)


def _revoked(members: object) -> dict[str, int]:
    if not isinstance(members, dict):
        return _unreadable("revoked", None, {})
    return {kid: _whole_number(at, "revoked", kid) for kid, at in members.items()}


def _jwk(members: object, kid: str) -> dict[str, str]:
    """The members that are text, as all of a JWK's are that make up a key (RFC 7518 §6)."""
    jwk = members if isinstance(members, dict) else {}
    text = {name: value for name, value in jwk.items() if isinstance(value, str)}
    return text if text and len(text) == len(jwk) else _unreadable("JWK", kid, text)


def _typed(value: object, kinds: tuple[type[T], ...], name: str, default: T) -> T:
    return value if isinstance(value, kinds) else _unreadable(name, None, default)


def _whole_number(value: object, name: str, kid: str | None = None) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return _unreadable(name, kid, 0)


def _unreadable(name: str, kid: str | None, default: T) -> T:
    """Logs which member cannot be read, not what it says, and returns what counts instead."""
    of_key = f" of key {kid!r}" if kid else ""
    log.error("the member %s%s of the key ring cannot be read", name, of_key)
    return default
