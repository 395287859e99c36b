"""A credential as it arrives: a signed JWT, taken apart strictly before anything is believed.

Everything here happens before a signature is checked, so it trusts nothing: sizes come first, then
the encoding (RFC 7515 §2, §3.1), then JSON in which a member may stand only once (RFC 7515 §4),
then the header members that say how to verify (RFC 8725).
"""

import binascii
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from token_service.identity.algorithms import ASYMMETRIC_ALGORITHMS

LARGEST_CREDENTIAL = 16_384
"""Bytes. Identity providers with many groups make tokens of several KB; API Gateway's own limit for
all headers together is 10,240."""

LARGEST_KID = 256
"""Characters."""

DEEPEST_JSON = 32
"""How deep objects and lists may be nested."""

CLOCK_LEEWAY = 30
"""Seconds by which an identity provider's clock may differ from ours."""

END_OF_TIME = 253_402_300_800
"""Epoch seconds at the end of the year 9999."""

LOGIN_TYPES = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
"""Values of the header `typ` that a login token may have (RFC 7519 §5.1, RFC 9068 §2.1).
Explicit typing exists so that a token made for something else, such as `logout+jwt` or `dpop+jwt`,
is not taken here (RFC 8725 §3.11)."""


class InvalidCredentialError(Exception):
    """The credential proves nothing. The reason is for the log.

    Of the credential it repeats no more than its algorithm and its issuer, both cut short.
    """


class NotAnObjectError(InvalidCredentialError):
    """What was read is JSON, but no object."""


class InsufficientScopeError(Exception):
    """The right user, but the credential lacks a scope (RFC 6750 §3.1).

    Attributes:
        scope: The scopes that are required, separated by spaces.
    """

    def __init__(self, scope: str, provider: str) -> None:
        self.scope = scope
        super().__init__(f"{provider}: the credential lacks one of the scopes {scope}")


class UnusableClaimsError(Exception):
    """The user's claims cannot go into a PowerSync token as configured; the reason may be told."""


class Credential(NamedTuple):
    """A JWT taken apart, its signature **not** yet checked.

    Attributes:
        encoded: The token as it came.
        alg: The header's `alg`.
        kid: The header's `kid`, which a token may lack (RFC 7515 §4.1.4).
        typ: The header's `typ` in lower case, `jwt` if it has none.
        claims: The payload.
        signing_input: What the signature covers (RFC 7515 §5.1).
        signature: The raw signature.
    """

    encoded: str
    alg: str
    kid: str | None
    typ: str
    claims: Mapping[str, object]
    signing_input: bytes
    signature: bytes


def parse(encoded: str, types: frozenset[str] = LOGIN_TYPES) -> Credential:
    """Take a compact JWS (RFC 7515 §7.1) with JWT claims apart.

    `types` are the accepted values of the header's `typ`, in lower case; without one it is `jwt`.
    Header members that carry or point to a key (`jwk`, `jku`, `x5u`, `x5c`) are ignored: keys come
    from the configured identity provider only. Raises `InvalidCredentialError`.
    """
    if len(encoded) > LARGEST_CREDENTIAL:
        raise InvalidCredentialError(f"larger than {LARGEST_CREDENTIAL} bytes")
    try:
        segments = encoded.encode("ascii").split(b".")
    except UnicodeEncodeError:
        raise InvalidCredentialError("not ASCII") from None
    if len(segments) != 3:
        raise InvalidCredentialError("not three segments, so not a signed JWT")
    alg, kid, typ = _read_header(segments[0])
    if typ not in types:
        raise InvalidCredentialError(f"header: typ is none of {', '.join(sorted(types))}")
    return Credential(
        encoded=encoded,
        alg=alg,
        kid=kid,
        typ=typ,
        claims=parse_json_object(_decode_segment(segments[1], "payload"), "payload"),
        signing_input=segments[0] + b"." + segments[1],
        signature=_decode_segment(segments[2], "signature"),
    )


def check_times(claims: Mapping[str, object], now: float) -> None:
    """Check `exp`, which must be there, and `nbf` and `iat`, where they are (RFC 7519 §4.1).

    Raises `InvalidCredentialError`.
    """
    expires_at = read_time(claims, "exp")
    if expires_at is None:
        raise InvalidCredentialError("no claim exp")
    if now >= expires_at + CLOCK_LEEWAY:
        raise InvalidCredentialError(f"expired {int(now - expires_at)} s ago")
    for name in ("nbf", "iat"):
        begins_at = read_time(claims, name)
        if begins_at is not None and now + CLOCK_LEEWAY < begins_at:
            raise InvalidCredentialError(f"{name} is {int(begins_at - now)} s in the future")


def read_time(claims: Mapping[str, object], name: str) -> int | float | None:
    """A NumericDate (RFC 7519 §2) in epoch seconds, with its fraction; None for an absent claim.

    Raises `InvalidCredentialError` for anything else: null, a bool, a string, or a time before 1970
    or after the year 9999. What is not finite is no JSON to `parse`.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in {int, float} or not 0 <= value < END_OF_TIME:  # type: ignore[operator]
        raise InvalidCredentialError(f"{name} is not a number of seconds since 1970")
    return value  # type: ignore[return-value]


def parse_json_object(text: bytes, what: str) -> dict[str, object]:
    """Parse JSON from outside: an object in UTF-8, no member twice, finite numbers, not too deep.

    `what` names it in the reason. Raises `InvalidCredentialError`.
    """
    try:
        characters = text.decode().strip(_WHITE_SPACE)
        value, end = _DECODER.raw_decode(characters)
        if end != len(characters):
            raise ValueError
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _UnwantedJsonError) else "not JSON"
        raise InvalidCredentialError(f"{what}: {reason}") from None
    if not isinstance(value, dict):
        raise NotAnObjectError(f"{what}: not a JSON object")
    # Fewer brackets than the limit cannot be nested more deeply; only other texts are walked.
    if text.count(b"{") + text.count(b"[") > DEEPEST_JSON and _depth_exceeds(value, DEEPEST_JSON):
        raise InvalidCredentialError(f"{what}: nested more than {DEEPEST_JSON} deep")
    return value


_WHITE_SPACE = " \t\n\r"
"""Of JSON (RFC 8259 §2)."""


class _UnwantedJsonError(ValueError):
    """Python's parser would take it; we do not."""


def _members_once(members: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(members)
    if len(result) != len(members):
        raise _UnwantedJsonError("a member stands twice")
    return result


def _finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _UnwantedJsonError("a number is not finite")
    return number


def _no_constant(_: str) -> None:
    raise _UnwantedJsonError("NaN or Infinity")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members_once, parse_float=_finite_number, parse_constant=_no_constant
)


def _depth_exceeds(value: object, limit: int) -> bool:
    """Whether containers are nested more than `limit` deep; by level, so without recursion."""
    level: list[object] = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent)]
    return bool(level)


def _children(container: object) -> list[object]:
    """The objects and lists directly inside an object or a list."""
    if isinstance(container, dict):
        container = list(container.values())
    if not isinstance(container, list):
        return []
    return [child for child in container if isinstance(child, (dict, list))]


_FROM_BASE64URL = bytes.maketrans(b"-_+/=", b"+/...")
"""To standard base64. What base64url does not have becomes a character that no base64 has."""


def _decode_segment(segment: bytes, what: str) -> bytes:
    """Decode base64url without padding (RFC 7515 §2), in its one canonical form only.

    Encoding the result again must give the same text: this refuses padding, whitespace, foreign
    characters and stray trailing bits at once, so a token has a single spelling.
    """
    standard = segment.translate(_FROM_BASE64URL)
    try:
        decoded = binascii.a2b_base64(standard + b"=" * (-len(segment) % 4))
    except binascii.Error:
        raise InvalidCredentialError(f"{what}: not base64url") from None
    if binascii.b2a_base64(decoded, newline=False).rstrip(b"=") != standard:
        raise InvalidCredentialError(f"{what}: not canonical base64url without padding")
    return decoded


@lru_cache(maxsize=64)
def _read_header(segment: bytes) -> tuple[str, str | None, str]:
    """The `alg`, `kid` and `typ` of a header; all tokens by the same key have the same one."""
    return _check_header(parse_json_object(_decode_segment(segment, "header"), "header"))


def _check_header(header: Mapping[str, object]) -> tuple[str, str | None, str]:
    """The `alg`, `kid` and `typ` of a header that asks for nothing we do not do."""
    alg, typ = header.get("alg"), header.get("typ", "JWT")
    if not isinstance(alg, str):
        raise InvalidCredentialError("header: no alg")
    if alg not in ASYMMETRIC_ALGORITHMS:
        raise InvalidCredentialError(f"header: the algorithm {ascii(alg)[:20]} is never taken")
    if not isinstance(typ, str):
        raise InvalidCredentialError("header: typ is not a string")
    if "crit" in header:  # We understand no extension, so none can be critical (RFC 7515 §4.1.11).
        raise InvalidCredentialError("header: crit names an extension")
    if header.get("b64", True) is not True:
        raise InvalidCredentialError("header: an unencoded payload (RFC 7797)")
    return alg, _read_kid(header), typ.lower()


def _read_kid(header: Mapping[str, object]) -> str | None:
    if "kid" not in header:
        return None
    kid = header["kid"]
    if not isinstance(kid, str) or not 0 < len(kid) <= LARGEST_KID:
        raise InvalidCredentialError(f"header: kid is not a string of 1 to {LARGEST_KID}")
    return kid
