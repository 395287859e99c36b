"""How PowerSync judges a token: its own checks in its own order, and which code its user sees.

Pure: keys, token and time come in, a verdict goes out. PowerSync 1.25 verifies with jose 4.15; a
test has that library judge the same tokens.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operate.doctor.published_keys import ALGORITHMS_OF, KeySetError, PublishedKey

SUPPORTED_ALGORITHMS = frozenset(
    {"HS256", "HS384", "HS512", *(name for names in ALGORITHMS_OF.values() for name in names)}
)
"""A token's `alg` may be one of them at all; HS* needs a key from the instance's configuration."""

CLOCK_TOLERANCE = 60
LONGEST_LIFETIME = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of PowerSync's checks and its outcome; None where it was not reached."""

    name: str
    ok: bool | None
    seen: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What PowerSync makes of a token.

    Attributes:
        code: Why it is refused, in PowerSync's words; None if it is accepted.
        log: What PowerSync's log or answer says then.
        steps: All checks, in order; what comes after a failure has no outcome.
        header: The token's, as far as it can be read.
        claims: The token's, as far as they can be read. Not proven, where a step failed.
    """

    code: str | None
    log: str
    steps: Sequence[Step]
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether PowerSync takes the token."""
        return self.code is None

    @property
    def failed(self) -> Step | None:
        """The check that failed."""
        return next((step for step in self.steps if step.ok is False), None)


STEPS = (
    *("form", "algorithm", "key", "key algorithm", "signature"),
    *("required claims", "times", "audience", "lifetime", "parameters"),
)
"""The names of the steps, in PowerSync's order."""


def judge(
    token: str, keys: Sequence[PublishedKey] | KeySetError, audiences: Sequence[str], now: float
) -> Verdict:
    """What PowerSync says to a token.

    Args:
        token: As a client sends it, without `Token` or `Bearer`.
        keys: Those of the JWKS, or why PowerSync has none.
        audiences: The instance's own; one of them must be in `aud`.
        now: Epoch seconds.
    """
    judged = _Token(token)
    passed: list[Step] = []
    code, log, failed = None, "", None
    try:
        for name, seen in _checks(judged, keys, audiences, int(now)):
            passed.append(Step(name, True, seen))
    except _RefusedError as refused:
        code, log = refused.code, refused.log
        failed = Step(refused.step, False, str(refused))
    steps = [*passed, *([failed] if failed else [])]
    steps += [Step(name, None, "not reached") for name in STEPS[len(steps) :]]
    return Verdict(code, log, steps, judged.readable_header, judged.readable_claims)


class _RefusedError(Exception):
    def __init__(self, step: str, seen: str, log: str, code: str = "PSYNC_S2101") -> None:
        self.step, self.log, self.code = step, log, code
        super().__init__(seen)


_MALFORMED = "Token is not a well-formed JWT. Check the token format."


class _Token:
    """A token taken apart as leniently as PowerSync's library does."""

    def __init__(self, encoded: str) -> None:
        self.encoded = encoded
        self.segments = encoded.split(".")
        self.header: object = None
        self.readable_header: Mapping[str, Any] = {}
        self.readable_claims: Mapping[str, Any] = {}
        self.has_claims = False
        if len(self.segments) == 3:
            self.header = _json(self.segments[0]) if self.segments[0] else {}
            claims = _json(self.segments[1])
            self.readable_header = self.header if isinstance(self.header, dict) else {}
            self.readable_claims = claims if isinstance(claims, dict) else {}
            self.has_claims = isinstance(claims, dict)

    @property
    def signing_input(self) -> bytes:
        return ".".join(self.segments[:2]).encode()

    @property
    def signature(self) -> bytes:
        return _decoded(self.segments[2])


def _checks(
    token: _Token, keys: Sequence[PublishedKey] | KeySetError, audiences: Sequence[str], now: int
) -> Iterator[tuple[str, str]]:
    """Each step that the token passes and what was seen; raises at the one that it does not."""
    yield "form", _form(token)
    alg = token.readable_header["alg"]
    if alg not in SUPPORTED_ALGORITHMS:
        log = '"alg" (Algorithm) Header Parameter not allowed'
        raise _RefusedError("algorithm", f"{alg} is none that PowerSync takes", log)
    yield "algorithm", str(alg)
    key = _key_for(token, keys)
    yield "key", f"published under the kid {key.kid}" if key.kid else "a key without kid fits"
    if not key.allows(alg):
        log = f"Unexpected token algorithm {alg}"
        raise _RefusedError("key algorithm", f"the token says {alg}, its key {_named(key)}", log)
    yield "key algorithm", f"{alg}, as its key's"
    if not key.verifies(token.signing_input, token.signature, alg):
        seen = "it is not by the key with this kid"
        raise _RefusedError("signature", seen, "signature verification failed")
    if not token.has_claims:
        raise _RefusedError("signature", "its payload is no JSON object", _MALFORMED)
    yield "signature", "by that key"
    yield from _claims_checks(token.readable_claims, audiences, now)


def _form(token: _Token) -> str:
    if not token.encoded:
        raise _RefusedError("form", "there is no token", "Authentication required", "PSYNC_S2106")
    if len(token.segments) != 3:
        raise _RefusedError("form", f"{len(token.segments)} segments instead of 3", _MALFORMED)
    if not isinstance(token.header, dict):
        raise _RefusedError("form", "its header is no JSON object", _MALFORMED)
    if "crit" in token.header and not _understands(token.header):
        raise _RefusedError("form", "its header asks for an extension (crit)", _MALFORMED)
    alg = token.header.get("alg")
    if not isinstance(alg, str) or not alg:
        raise _RefusedError("form", "its header has no alg", _MALFORMED)
    return "a signed JWT"


def _understands(header: Mapping[str, Any]) -> bool:
    """Whether `crit` names nothing but what jose knows, a payload that is encoded all the same."""
    critical = header["crit"]
    return (
        isinstance(critical, list)
        and {*map(str, critical)} == {"b64"}
        and header.get("b64") is True
    )


def _key_for(token: _Token, keys: Sequence[PublishedKey] | KeySetError) -> PublishedKey:
    """The key that the token is judged by, whatever comes of it."""
    if isinstance(keys, KeySetError):
        seen = f"PowerSync gets no keys from the JWKS URI: {keys}"
        raise _RefusedError("key", seen, f"JWKS request failed: {keys}", keys.code)
    kid, alg = token.readable_header.get("kid"), token.readable_header["alg"]
    for key in keys:
        if kid and key.kid == kid:
            return key
    for key in keys:
        is_candidate = key.kid is None and key.allows(alg)
        if is_candidate and key.verifies(token.signing_input, token.signature, alg):
            return key
    raise _RefusedError(
        "key",
        f"no key with the kid {kid} is published" if kid else "the token has no kid",
        "Could not find an appropriate key in the keystore. The key is missing or no key matched"
        " the token KID",
    )


def _claims_checks(
    claims: Mapping[str, Any], audiences: Sequence[str], now: int
) -> Iterator[tuple[str, str]]:
    missing = [name for name in ("sub", "iat", "exp") if name not in claims]
    if missing:
        log = f'JWT payload is missing a required claim "{missing[-1]}"'
        raise _RefusedError("required claims", f"no {' and no '.join(missing)}", log)
    yield "required claims", "sub, iat and exp are there"
    yield "times", _times(claims, now)
    yield "audience", _audience(claims, audiences)
    lifetime = claims["exp"] - claims["iat"]
    if lifetime > LONGEST_LIFETIME:
        log = f"Token must expire in a maximum of {LONGEST_LIFETIME} seconds, got {lifetime}s"
        seen = f"it lives {lifetime:g} s, and may live {LONGEST_LIFETIME} s"
        raise _RefusedError("lifetime", seen, log, "PSYNC_S2104")
    yield "lifetime", f"{lifetime:g} s"
    parameters = claims.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        seen = f"parameters is {_kind(parameters)}, not an object"
        raise _RefusedError("parameters", seen, "Payload parameters must be an object")
    yield "parameters", "an object" if parameters is not None else "none"


def _times(claims: Mapping[str, Any], now: int) -> str:
    for name in ("iat", "nbf", "exp"):
        if name in claims and not _is_number(claims[name]):
            log = f'JWT payload is missing a required claim "{name}"'
            raise _RefusedError("times", f"{name} is {_kind(claims[name])}, not a number", log)
    if claims.get("nbf", now) > now + CLOCK_TOLERANCE:
        log = 'JWT payload is missing a required claim "nbf"'
        raise _RefusedError("times", f"valid only in {claims['nbf'] - now:g} s (nbf)", log)
    left = claims["exp"] - now
    if left <= -CLOCK_TOLERANCE:
        raise _RefusedError("times", f"expired {-left:g} s ago", "JWT has expired", "PSYNC_S2103")
    return f"{left:g} s left"


def _audience(claims: Mapping[str, Any], audiences: Sequence[str]) -> str:
    aud = claims.get("aud")
    if aud is None:
        log = 'JWT payload is missing a required claim "aud"'
        raise _RefusedError("audience", "no aud", log, "PSYNC_S2105")
    if not any(value in audiences for value in texts(aud)):
        log = f'Unexpected "aud" claim value: {json.dumps(aud)}'
        seen = f"{json.dumps(aud)} instead of {' or '.join(audiences) or 'any'}"
        raise _RefusedError("audience", seen, log, "PSYNC_S2105")
    return json.dumps(aud)


def texts(value: object) -> list[str]:
    """What is a string in a claim that is one, or a list of them."""
    return [
        item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)
    ]


def _named(key: PublishedKey) -> str:
    return str(key.jwk.get("alg") or " or ".join(ALGORITHMS_OF[key.jwk["kty"]]))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: object) -> str:
    kinds = {str: "a string", bool: "true or false", list: "a list", dict: "an object"}
    return kinds.get(type(value), "null" if value is None else "a number")


def _json(segment: str) -> object:
    """The JSON of a segment; None for what is none (and for `null`)."""
    try:
        return json.loads(_decoded(segment).decode(), parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(name: str) -> None:
    raise ValueError(name)


def _decoded(segment: str) -> bytes:
    """base64url or base64, read as leniently as Node reads it."""
    standard = segment.partition("=")[0].replace("-", "+").replace("_", "/")
    standard = re.sub(r"[^A-Za-z0-9+/]", "", standard)
    if len(standard) % 4 == 1:
        standard = standard[:-1]
    return base64.b64decode(standard + "=" * (-len(standard) % 4))
