"""The JWKS, fetched as PowerSync fetches it, and the clocks."""

import json
import socket
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from operate.doctor.asking import Answer, NoAnswerError
from operate.doctor.checks import Check, failed, passed, untold
from operate.doctor.powersync_rules import SUPPORTED_ALGORITHMS
from operate.doctor.published_keys import KeySetError
from operate.doctor.site import Site
from operate.errors import OperatorError
from operate.key_ring import FunctionRefusedError, Status

PATIENCE = 3.0
"""Seconds that PowerSync waits for the keys when it has none."""

LOGIN_TOLERANCE = 30
"""Seconds by which a login token's times may be off; PowerSync allows 60 for its own."""

IDS = ("jwks.reachable", "jwks.speed", "jwks.keys", "clock")

_REFUSES_ALL = (
    "PowerSync has no keys, so it refuses every token once those it remembers are 60 min old"
)
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


def jwks_checks(site: Site) -> Iterator[Check]:
    """Whether PowerSync gets the keys: reachable, in time, and the right ones."""
    url = str(site.outputs["jwks_uri"])
    try:
        answer = site.jwks()
        now = site.clock()
    except NoAnswerError as error:
        yield from _no_answer(url, error)
        return
    if not 200 <= answer.status < 300:
        yield _wrong_status(url, answer, site)
        yield untold("jwks.speed", "not looked at: see jwks.reachable")
        yield untold("jwks.keys", "not looked at: see jwks.reachable")
    else:
        yield passed("jwks.reachable", f"{url} answers {answer.status}")
        yield _speed(answer)
        yield _keys(site, answer)
    yield _clock(answer, now)


def _no_answer(url: str, error: NoAnswerError) -> Iterator[Check]:
    if error.too_slow:
        yield passed("jwks.reachable", f"{url} takes connections")
        yield _too_slow(str(error))
    else:
        yield _unreachable(url, error)
        yield untold("jwks.speed", "not looked at: see jwks.reachable")
    yield untold("jwks.keys", "not looked at: there was no answer")
    yield untold("clock", "not looked at: there was no answer")


def _unreachable(url: str, error: NoAnswerError) -> Check:
    if _has_ipv6_only(url):
        return failed(
            "jwks.reachable",
            f"{url} has an IPv6 address only",
            "PowerSync fetches over IPv4 only",
            "give the name an A record: customDomain's DNS record should point to the output"
            " custom_domain_target",
            "PSYNC_S2202",
        )
    return failed(
        "jwks.reachable",
        f"{url}: {error}",
        _REFUSES_ALL,
        "see that the stack is up (`make local`, or `make deploy STACK=...`), and that this name"
        " leads to it",
        "PSYNC_S2204",
    )


def _has_ipv6_only(url: str) -> bool:
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return {family for family, *_ in found} == {socket.AF_INET6}


def _wrong_status(url: str, answer: Answer, site: Site) -> Check:
    if 300 <= answer.status < 400:
        return failed(
            "jwks.reachable",
            f"{url} answers {answer.status}, to {answer.headers.get('location', 'nowhere')}",
            "it redirects; whether PowerSync follows is nothing to rely on",
            "have jwks_uri at PowerSync be the address it redirects to, or take the redirect away",
            "PSYNC_S2204",
        )
    logs = f"make logs FUNCTION=jwks{'' if site.stack.is_local else f' STACK={site.stack.name}'}"
    return failed(
        "jwks.reachable",
        f"{url} answers {answer.status}",
        _REFUSES_ALL,
        f"see why: {logs}" if answer.status >= 500 else "compare jwks_uri with the stack's output",
        "PSYNC_S2204",
    )


def _speed(answer: Answer) -> Check:
    if answer.seconds > PATIENCE:
        return _too_slow(f"{answer.seconds:.1f} s")
    return passed("jwks.speed", f"{answer.seconds * 1000:.0f} ms, of {PATIENCE:g} s")


def _too_slow(seen: str) -> Check:
    return failed(
        "jwks.speed",
        f"{seen}; PowerSync waits {PATIENCE:g} s",
        "a PowerSync instance that has no keys yet gives up before they come (its log: timed out)",
        "look for what is between: a proxy, a firewall, another region; `make logs FUNCTION=jwks`"
        " has what the function itself says",
        "PSYNC_S2204",
    )


def _keys(site: Site, answer: Answer) -> Check:
    fault = key_fault(site, answer)
    if fault is not None:
        return fault
    kids = [str(entry["kid"]) for entry in json.loads(answer.body)["keys"]]
    seen = f"{len(kids)} keys: {', '.join(kid[:8] for kid in kids)}"
    return _compared(site, set(kids), seen)


def key_fault(site: Site, answer: Answer) -> Check | None:
    """What is wrong with the published keys by themselves."""
    entries = _entries(answer)
    if any(not _SECRET_MEMBERS.isdisjoint(entry) for entry in entries):
        return failed(
            "jwks.keys",
            "a private key is published",
            "whoever has read it can sign tokens for any user",
            "replace every key now: make revoke ALL=1; then find out what published it",
        )
    keys = site.published()
    if isinstance(keys, KeySetError):
        return failed(
            "jwks.keys",
            f"PowerSync cannot use the document: {keys}",
            "one bad key, or a document that is no JWKS, leaves PowerSync without any key",
            "see what answers at jwks_uri: a proxy's or a login page is a common cause; the"
            " stack's own document is in the SSM parameter of the output jwks_parameter",
            keys.code,
        )
    if any(not entry.get("kid") for entry in entries):
        return failed(
            "jwks.keys",
            "a key has no kid",
            "PowerSync tries such a key on every token",
            "serve the stack's own document at jwks_uri; each of its keys has a kid",
        )
    for entry in entries:
        alg = entry.get("alg")
        if alg not in SUPPORTED_ALGORITHMS:
            return failed(
                "jwks.keys",
                f"the key {entry['kid']} is for {alg}",
                "PowerSync takes no token by it",
                "set signingAlgorithm to one that it takes, such as ES256; `pulumi up`, then"
                " rotate twice",
                "PSYNC_S2101",
            )
    return None


def _entries(answer: Answer) -> list[dict[str, Any]]:
    try:
        entries = json.loads(answer.body)["keys"]
    except (ValueError, KeyError, TypeError):
        return []
    return (
        [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def _compared(site: Site, served: set[str], seen: str) -> Check:
    """Whether the keys that are served are those of the ring."""
    try:
        status = site.ring()
    except FunctionRefusedError as error:
        return failed(
            "jwks.keys",
            f"the key ring cannot be read: {error}",
            "no token can be signed once the functions forget the ring that they have in memory",
            "bring the secret of the output signing_secret_arn back (a deleted one can be restored"
            " for 30 days: aws secretsmanager restore-secret), or have `pulumi up` make a new ring",
        )
    except OperatorError as error:
        return passed("jwks.keys", f"{seen}; not compared with the ring: {error}")
    return _served_rightly(status, served, seen)


def _served_rightly(status: Status, served: set[str], seen: str) -> Check:
    ring = {str(key["kid"]) for key in status.keys}
    former = {str(key["kid"]) for key in status.legacy_keys}
    former = (former & served) - ring - status.revoked.keys()
    if ring == served - former:
        beside = f", and {len(former)} of legacyKeys" if former else ""
        return passed("jwks.keys", f"{seen}; those of the key ring{beside}")
    missing, surplus = sorted(ring - served), sorted(served - ring - former)
    revoked = [kid for kid in surplus if kid in status.revoked]
    if missing:
        return failed(
            "jwks.keys",
            f"not served: {', '.join(missing)}",
            "PowerSync refuses tokens by a key that is not published",
            "wait a minute, for what is cached; then see that jwks_uri is this stack's, and have"
            " the rotate function publish again: make rotate",
            "PSYNC_S2101",
        )
    return failed(
        "jwks.keys",
        f"served, and {'revoked' if revoked else 'not in the key ring'}: {', '.join(surplus)}",
        "PowerSync accepts tokens by a key that it should not know",
        "wait a minute, for what is cached; then have the rotate function publish again:"
        " make rotate",
    )


def _clock(answer: Answer, now: float) -> Check:
    date = answer.headers.get("date")
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return untold("clock", "the service's answer has no Date")
    off = now - theirs
    # The header is in whole seconds, and some of the time is the answer's way.
    apart = max(0.0, abs(off) - 1 - answer.seconds)
    ahead = "ahead of" if off > 0 else "behind"
    if apart <= LOGIN_TOLERANCE:
        return passed("clock", f"this machine and the service agree within {apart + 1:.0f} s")
    return failed(
        "clock",
        f"this machine is {abs(off):.0f} s {ahead} the service",
        f"login tokens may be off by {LOGIN_TOLERANCE} s, PowerSync's by 60 s: what is issued here"
        " is not valid yet there, or expired",
        "set the clock of the machine that is wrong (timedatectl set-ntp true; a virtual machine"
        " that slept is a common cause)",
        "PSYNC_S2103",
    )
