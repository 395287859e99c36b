"""What the world sees: the published JWKS, and since when each key is in it.

The published document is a JWK Set (RFC 7517 §5) whose keys carry four more members: when the key
was first published, when it began to sign and when it stopped, and for how long its tokens need it
then. These are *observed*, stamped when the document is written. A ring made an hour ago by a
rotation that then got stuck says nothing about what verifiers have seen; the publication does, and
every decision of the key ring rests on it.
All times are epoch seconds.

Whoever may write the parameter may have edited the document. So each member is read by itself, and
one that cannot be is logged and counts as not said: the key counts as published only now.
"""

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from token_service.keys.jwk import compact_json
from token_service.keys.jwk_set import PublicationError, kids, public_jwk
from token_service.keys.seal import LARGEST_SEAL

log = logging.getLogger(__name__)

LARGEST_DOCUMENT = 8192
"""Bytes that an advanced SSM parameter holds."""

RESERVE = 512
"""Bytes of it kept for what is beside the keys: the seal and the members of the document itself."""

LONGEST_RETENTION = 90_120
"""Seconds: `retain_after_signing` of the longest tokens that there can be."""

CLOCKS_DIFFER_BY = 60
"""Seconds by which another function's clock may be ahead; a later time cannot be."""

_OURS = ("published_at", "signing_since", "stopped_signing_at", "retained_for")

_LONGEST_TIMES = {
    "published_at": 9_999_999_999.999,
    "signing_since": 9_999_999_999.999,
    "stopped_signing_at": 9_999_999_999.999,
    "retained_for": 99_999.5,
}


class PublishedKey(NamedTuple):
    """A key as verifiers see it, `jwk` being its public JWK with `kid`, `alg` and `use`.

    `retained_for` is for how many seconds it has to stay when it has stopped signing: the longest
    that the settings have asked for while it signed, as its tokens outlive a change of them.
    """

    jwk: Mapping[str, str]
    published_at: float
    signing_since: float | None = None
    stopped_signing_at: float | None = None
    retained_for: float = 0.0


Publication = Mapping[str, PublishedKey]
"""Published keys by `kid`."""


def fits(jwks: Iterable[Mapping[str, str]], withdrawn: Collection[str] = ()) -> bool:
    """Whether public JWKs can be published together until the last of them has left.

    Each is counted with all the times that it is going to have, so that no later step of a change
    finds the document full. `withdrawn` are those that `dumps` takes.
    """
    keys = [{**jwk, **_LONGEST_TIMES} for jwk in jwks]
    taken = len(compact_json(keys)) + len(compact_json(_withdrawn(withdrawn)))
    return taken + RESERVE <= LARGEST_DOCUMENT


def dumps(publication: Publication, generation: int, withdrawn: Collection[str] = ()) -> str:
    """The document to store; `generation` is that of the ring that signs.

    `withdrawn` are the `kid`s that are not served though a former signer's key may have them.

    Raises `PublicationError` if it is larger than SSM takes together with its seal.
    """
    keys = [
        {**key.jwk, **{name: at for name in _OURS if (at := getattr(key, name))}}
        for key in publication.values()
    ]
    document = compact_json({"generation": generation, **_withdrawn(withdrawn), "keys": keys})
    room = LARGEST_DOCUMENT - LARGEST_SEAL - len(',"seal":""')
    if len(document) > room:
        raise PublicationError(
            f"{len(keys)} keys take {len(document)} bytes, and the JWKS parameter holds"
            f" {room}; wait until previous keys have left the JWKS, or rotate less"
            " often, use shorter-lived tokens or a smaller signingAlgorithm (ES256)"
        )
    return document


def loads(document: str, now: float) -> dict[str, PublishedKey]:
    """The publication of a stored document; raises `PublicationError` if it is none.

    A key that is no public JWK is left out, a time that lies in the future is `now`, and what else
    cannot be is as if it were not there.
    """
    try:
        keys = list(json.loads(document)["keys"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PublicationError(f"the JWKS parameter does not hold a JWK Set: {error!r}") from error
    read = [_published_key(key, now) for key in keys]
    return {key.jwk["kid"]: key for key in read if key is not None}


def generation(document: str) -> int:
    """The generation of the ring that a readable document was derived from; 0 for none yet."""
    told = json.loads(document).get("generation", 0)
    if isinstance(told, int) and not isinstance(told, bool) and told >= 0:
        return told
    log.warning("the generation of the JWKS parameter cannot be read")
    return 0


def withdrawn(document: str) -> frozenset[str]:
    """The `kid`s in a readable document that are not served, whoever's key has them."""
    return kids(json.loads(document).get("withdrawn"))


def _withdrawn(kids: Collection[str]) -> dict[str, list[str]]:
    """The member that lists them; no member for none, as the former release had none."""
    return {"withdrawn": sorted(kids)} if kids else {}


def _published_key(member: object, now: float) -> PublishedKey | None:
    try:
        if not isinstance(member, dict):
            raise TypeError
        jwk = public_jwk(member)
    except (ValueError, KeyError, TypeError):
        log.warning("a key of the JWKS parameter is no public JWK, and is left out")
        return None
    kid = jwk["kid"]
    published_at = _time(member.get("published_at", ""), "published_at", kid, now) or now
    stopped_at = _time(member.get("stopped_signing_at"), "stopped_signing_at", kid, now)
    if stopped_at is not None and stopped_at < published_at:
        _log_impossible("stopped_signing_at", kid)
        stopped_at = None
    return PublishedKey(
        jwk=jwk,
        published_at=published_at,
        signing_since=_time(member.get("signing_since"), "signing_since", kid, now),
        stopped_signing_at=stopped_at,
        retained_for=_retention(member.get("retained_for", 0), kid),
    )


def _time(told: object, name: str, kid: str, now: float) -> float | None:
    """The time of one of our members, `now` for one in the future, None for none."""
    if told is None and name != "published_at":
        return None
    number = _number(told)
    if number is not None and 0 < number <= now + CLOCKS_DIFFER_BY:
        return number
    _log_impossible(name, kid)
    return now if number is not None and number > now else None


def _retention(told: object, kid: str) -> float:
    number = _number(told)
    if number is not None and 0 <= number <= LONGEST_RETENTION:
        return number
    _log_impossible("retained_for", kid)
    return LONGEST_RETENTION if number is not None and number > 0 else 0.0


def _number(told: object) -> float | None:
    """A number of the document, as it stands there."""
    return told if isinstance(told, (int, float)) and not isinstance(told, bool) else None


def _log_impossible(name: str, kid: str) -> None:
    log.warning("%s of key %r in the JWKS parameter cannot be; it is derived anew", name, kid)
