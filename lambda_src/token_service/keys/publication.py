"""What the world sees: the published JWKS, and since when each key is in it.

The published document is a JWK Set (RFC 7517 §5) whose keys carry four more members: when the key
was first published, when it began to sign and when it stopped, and for how long its tokens need it
then. These are *observed*, stamped when the document is written. A ring made an hour ago by a
rotation that then got stuck says nothing about what verifiers have seen; the publication does, and
every decision of the key ring rests on it.
All times are epoch seconds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LARGEST_DOCUMENT = 8192
"""Bytes that an advanced SSM parameter holds."""

RESERVE = 512
"""Bytes of it kept for the members of the document itself, beside its keys."""

_LONGEST_TIMES = {
    "published_at": 9_999_999_999.999,
    "signing_since": 9_999_999_999.999,
    "stopped_signing_at": 9_999_999_999.999,
    "retained_for": 99_999.5,
}


@dataclass(frozen=True, slots=True)
class PublishedKey:
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


class PublicationError(Exception):
    """A publication that cannot be read or written."""


def fits(jwks: Iterable[Mapping[str, str]]) -> bool:
    """Whether public JWKs can be published together until the last of them has left.

    Each is counted with all the times that it is going to have, so that no later step of a change
    finds the document full.
    """
    keys = [{**jwk, **_LONGEST_TIMES} for jwk in jwks]
    return len(json.dumps(keys, separators=(",", ":"))) + RESERVE <= LARGEST_DOCUMENT


def dumps(publication: Publication, generation: int) -> str:
    """The document to store; `generation` is that of the ring that signs.

    Raises `PublicationError` if it is larger than SSM takes.
    """
    ours = ("published_at", "signing_since", "stopped_signing_at", "retained_for")
    keys = [
        {**key.jwk, **{name: at for name in ours if (at := getattr(key, name))}}
        for key in publication.values()
    ]
    document = json.dumps({"generation": generation, "keys": keys}, separators=(",", ":"))
    if len(document) > LARGEST_DOCUMENT:
        raise PublicationError(
            f"{len(keys)} keys take {len(document)} bytes, and the JWKS parameter holds"
            f" {LARGEST_DOCUMENT}; wait until previous keys have left the JWKS, or rotate less"
            " often, use shorter-lived tokens or a smaller signingAlgorithm (ES256)"
        )
    return document


def loads(document: str) -> dict[str, PublishedKey]:
    """The publication of a stored document; raises `PublicationError` if it is none."""
    try:
        keys = [dict(key) for key in json.loads(document)["keys"]]
        return {
            key["kid"]: PublishedKey(
                published_at=float(key.pop("published_at")),
                signing_since=key.pop("signing_since", None),
                stopped_signing_at=key.pop("stopped_signing_at", None),
                retained_for=key.pop("retained_for", 0.0),
                jwk=key,
            )
            for key in keys
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PublicationError(f"the JWKS parameter does not hold a JWK Set: {error!r}") from error


def generation(document: str) -> int:
    """The generation of the ring that a readable document was derived from; 0 for none yet."""
    return int(json.loads(document).get("generation", 0))


def jwks(document: str) -> str:
    """The JWK Set to serve: the stored document without our own members.

    Raises `PublicationError` if there is no key: to PowerSync an empty set means that every key is
    gone, where an error lets it keep those it has.
    """
    keys = [dict(key.jwk) for key in loads(document).values()]
    if not keys:
        raise PublicationError("no key is published yet")
    return json.dumps({"keys": keys}, separators=(",", ":"))
