"""The JWK Set that is served, out of the published document (RFC 7517 §5).

Apart from `publication`, which knows the rest of the document, as the JWKS function needs no more.
"""

import json
from collections.abc import Iterable, Mapping

from token_service.keys.jwk import compact_json, public_members


class PublicationError(Exception):
    """A publication that cannot be read or written."""


def served(document: str, legacy: Iterable[Mapping[str, str]] = ()) -> str:
    """The JWK Set to serve: the public keys of the stored document, and no other members.

    `legacy` are public JWKs of former signers, which stand behind ours; one that has the `kid` of
    one of ours is left out, and so is one that was revoked.

    Raises `PublicationError` if there is no key, or one that is no public JWK: to PowerSync a key
    that is not in the set is gone, where an error lets it keep those it has.
    """
    try:
        read = json.loads(document)
        keys, revoked = [public_jwk(key) for key in read["keys"]], kids(read.get("withdrawn"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PublicationError(f"the JWKS parameter does not hold a JWK Set: {error!r}") from error
    if not keys:
        raise PublicationError("no key is published yet")
    left_out = revoked | {key["kid"] for key in keys}
    keys += [dict(jwk) for jwk in legacy if jwk["kid"] not in left_out]
    return compact_json({"keys": keys})


def public_jwk(member: Mapping[str, str]) -> dict[str, str]:
    """A member of the document, as `SigningKey.published_jwk` has it.

    Raises `ValueError`, `KeyError` or `TypeError`.
    """
    jwk = public_members(member) | {name: member[name] for name in ("kid", "alg", "use")}
    if not all(isinstance(value, str) for value in jwk.values()):
        raise TypeError("a member of a public JWK is no text")
    return jwk


def kids(told: object) -> frozenset[str]:
    """The `kid`s of a member that lists some; what is none is as if it were not there."""
    listed = told if isinstance(told, list) else []
    return frozenset(kid for kid in listed if isinstance(kid, str))
