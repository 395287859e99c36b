"""What stands in the JWKS parameter, and how much of it is ours."""

import json
from dataclasses import dataclass

from token_service.keys import publication
from token_service.keys.jwk_set import PublicationError
from token_service.keys.publication import Publication, PublishedKey
from token_service.keys.seal import (
    Claim,
    OpenSeal,
    SealError,
    StoredValue,
    check_in_place,
    detached,
    opened,
)

UNTOUCHED = '{"keys":[]}'
"""What the deployment makes the parameter with, but for spaces."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the parameter holds.

    Attributes:
        document: Without its seal; None where the parameter was deleted.
        version: The parameter's.
        believed: What is published with which times, if the rotate function has ever written this;
            else nothing, as if every key were published only now.
        generation: Of the ring that the document was derived from; 0 where it is not ours.
        problem: Why the JWKS function does not serve it; None where it does.
        stands: The keys in it by `kid`, whoever put them there.
    """

    document: str | None
    version: int
    believed: Publication
    generation: int
    problem: str | None
    stands: Publication

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was ever published in this parameter."""
        return (self.document or "").replace(" ", "") == UNTOUCHED


def standing(stored: StoredValue | None, open_seal: OpenSeal | None, now: float) -> Standing:
    """Look at what is stored, None where the parameter was deleted.

    Without `open_seal` everything is believed. The times of an old document of ours are taken
    although it is not served: they were true. Raises `AwsError`.
    """
    if stored is None:
        return Standing(None, 0, {}, 0, "the JWKS parameter was deleted", {})
    document = detached(stored.text)[0]
    stands = _stands(document, now)
    problem = None
    try:
        if open_seal is not None:
            claim = opened(stored, open_seal)[1]
            problem = _out_of_place(claim, stored)
        believed, generation = publication.loads(document, now), publication.generation(document)
    except PublicationError as error:
        return Standing(document, stored.version, {}, 0, str(error), stands)
    return Standing(document, stored.version, believed, generation, problem, stands)


def _out_of_place(claim: Claim, stored: StoredValue) -> str | None:
    try:
        check_in_place(claim, stored)
    except SealError as error:
        return str(error)
    return None


def _stands(document: str, now: float) -> Publication:
    """The keys of a document that anybody may have written; one that is no JWK has no members."""
    try:
        kids = {str(key["kid"]) for key in json.loads(document)["keys"]}
        return {**{kid: PublishedKey({}, now) for kid in kids}, **publication.loads(document, now)}
    except (PublicationError, ValueError, KeyError, TypeError, RecursionError):
        return {}
