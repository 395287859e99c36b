"""What a refused token probably is, where it is not what it should be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from operate.doctor.differences import nearest, shortened
from operate.doctor.powersync_rules import Verdict, texts
from operate.terminal import duration, moment


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the stack that the token should be of.

    Attributes:
        issuer: `iss` of its tokens.
        audiences: `aud` of its tokens.
        login_issuers: The configured identity providers.
        revoked: When each revoked key was revoked, in epoch seconds.
        keys: The rows of the key ring.
        verifier_cache: For how long PowerSync remembers keys at most, in seconds.
        now: Epoch seconds.
    """

    issuer: str
    audiences: Sequence[str]
    login_issuers: Sequence[str] = ()
    revoked: Mapping[str, float] = field(default_factory=dict)
    keys: Sequence[Mapping[str, Any]] = ()
    verifier_cache: float = 3600
    now: float = 0


@dataclass(frozen=True, slots=True)
class NearMiss:
    """What it probably is, and what to do, where that is something else than usual."""

    what: str
    do: str = ""


def near_miss(verdict: Verdict, encoded: str, known: Known) -> NearMiss | None:
    """What a refused token probably is; None if nothing is known that would explain it."""
    return next(_explanations(verdict, encoded, known), None)


def not_known_yet(kid: object, known: Known) -> str | None:
    """Why an instance may refuse an accepted token all the same: it has older keys in memory."""
    for key in known.keys:
        since = key.get("published_at")
        if key["kid"] != kid or since is None or known.now - since >= known.verifier_cache:
            continue
        older = [row for row in known.keys if (row.get("published_at") or since) < since - 1]
        if older or known.revoked:
            return (
                f"its key is published, but only since {duration(known.now - since)}: until"
                f" {moment(since + known.verifier_cache)} an idle instance may not know it"
            )
    return None


def _explanations(verdict: Verdict, encoded: str, known: Known) -> Iterator[NearMiss]:
    failed = verdict.failed
    if failed is None or (verdict.code or "").startswith("PSYNC_S22"):
        return
    if failed.name == "form":
        yield from _not_a_token(encoded)
    issuer, kid = verdict.claims.get("iss"), verdict.header.get("kid")
    if failed.name in ("algorithm", "key", "key algorithm", "signature", "audience"):
        yield from _somebody_elses(issuer, verdict, known)
    if kid in known.revoked:
        yield NearMiss(
            f"signed by a key that was revoked at {moment(known.revoked[str(kid)])}",
            "have the client fetch a new token; one that asks /token again gets it at once",
        )
    if failed.name == "key" and issuer == known.issuer:
        yield NearMiss(
            "a token of this stack by a key that has left the JWKS, or of an earlier stack of the"
            " same name",
            "have the client fetch a new token",
        )
    if failed.name == "audience":
        yield from _audience(verdict, known)


def _not_a_token(encoded: str) -> Iterator[NearMiss]:
    scheme, _, rest = encoded.partition(" ")
    if rest and scheme.lower() in ("bearer", "token"):
        yield NearMiss(f"it has the word {scheme} before it", "pass the token alone")
    elif encoded[:1] in "\"'{" and encoded:
        yield NearMiss("it is JSON, or quoted", "pass the value of `token` alone, without quotes")
    elif encoded.count(".") == 4:
        yield NearMiss("it is an encrypted token (JWE, five segments)")
    elif encoded and "." not in encoded:
        yield NearMiss("it is opaque: an access token or session id of your login, no JWT")


def _somebody_elses(issuer: object, verdict: Verdict, known: Known) -> Iterator[NearMiss]:
    exchange = "exchange it at /token first, and give PowerSync the token that it answers"
    if not isinstance(issuer, str) or issuer == known.issuer:
        return
    if "supabase" in issuer or verdict.claims.get("aud") == "authenticated":
        yield NearMiss("it is a Supabase token, not one of this stack", exchange)
    elif issuer in known.login_issuers:
        yield NearMiss("it is your login token, not a PowerSync token", exchange)
    elif near := nearest(issuer, [known.issuer]):
        difference = f", which differs by {near[1]}" if near[1] else ""
        yield NearMiss(f"its issuer is {shortened(issuer)}, this stack's {near[0]}{difference}")
    else:
        yield NearMiss(f"it is from {shortened(issuer)}, not from this stack", exchange)


def _audience(verdict: Verdict, known: Known) -> Iterator[NearMiss]:
    for value in texts(verdict.claims.get("aud")):
        near = nearest(value, known.audiences)
        if near is not None and near[1]:
            yield NearMiss(f"the audience differs by {near[1]}: {shortened(value)}, not {near[0]}")
