"""What of the published JWKS is not as the key ring has it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from token_service.keys.keyring import KeyRing
from token_service.keys.publication import Publication


class ProblemKind(StrEnum):
    """What is wrong, of a key or of the JWKS as a whole."""

    NOT_PUBLISHED = "not published"
    REVOKED = "revoked and still published"
    RETIRED = "retired and still published"
    FOREIGN = "published and no key of the ring"
    NOT_SERVED = "the JWKS is not served"
    UNREADABLE = "the JWKS cannot be read"
    UNWRITABLE = "the JWKS cannot be published"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: with the key `kid`, or as `detail` says."""

    problem: ProblemKind
    kid: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        of_what = f"the key {self.kid} is " if self.kid else ""
        return f"{of_what}{self.problem}" + (f": {self.detail}" if self.detail else "")


def find_problems(
    ring: KeyRing, prepared: Collection[KeyRing], published: Publication
) -> list[Problem]:
    """What is published other than it should be, given the ring in use and those `prepared`.

    A key that is published with other members than the ring has is not published, and foreign. One
    that a prepared ring does without has left the JWKS already.
    """
    jwks = {kid: key.jwk for kid, key in published.items()}
    rings = (ring, *prepared)
    own = {key.kid: key.publishable for each in rings for key in each.keys}
    staying = set.intersection(*({key.kid for key in each.keys} for each in rings))
    problems = [
        Problem(ProblemKind.NOT_PUBLISHED, key.kid)
        for key in ring.keys
        if key.kid in staying and (key.kid not in jwks or jwks[key.kid] != own[key.kid])
    ]
    for kid, jwk in jwks.items():
        if kid in ring.revoked:
            problems.append(Problem(ProblemKind.REVOKED, kid))
        elif kid in ring.kids and kid not in own:
            problems.append(Problem(ProblemKind.RETIRED, kid))
        elif own.get(kid) != jwk:
            problems.append(Problem(ProblemKind.FOREIGN, kid))
    return problems
