"""Anonymous users that stay themselves, without a database.

The anonymous token itself is the memory: it is signed by our key ring, so a subject in it was given
out by us. Whoever presents it, even long expired, is that subject again.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from token_service.identity import credentials
from token_service.identity.credentials import Credential, InvalidCredentialError
from token_service.identity.verification import UnusableKeyError, VerificationKey
from token_service.reserved import SHARED_SUBJECT, SUBJECT_PREFIX

_log = logging.getLogger(__name__)

RingKeys = Mapping[str, tuple[str, Mapping[str, str]]]
"""By `kid`, the algorithm and public JWK of each key that may have signed and is not revoked."""


@dataclass(slots=True)
class AnonymousSubjects:
    """Gives anonymous users their subjects.

    Attributes:
        mode: `per-device`, or `shared` for one subject for all.
        remember_seconds: For how long after its issue a token brings its subject back.
        clock: Epoch seconds.
    """

    mode: str
    remember_seconds: int
    clock: Callable[[], float]
    _prepared: dict[str, VerificationKey] = field(default_factory=dict)

    def subject_for(self, presented: str | None, keys: RingKeys) -> str:
        """The subject for a new anonymous token.

        With the previous anonymous token `presented`, its subject; else, and for whatever is
        presented that does not prove one, a fresh random subject. That is never an error: anybody
        may have an anonymous token, so refusing would only lock out a device that kept its token
        for too long.
        """
        if self.mode == "shared":
            return SHARED_SUBJECT
        return self.former_subject(presented, keys) or SUBJECT_PREFIX + os.urandom(16).hex()

    def former_subject(self, presented: str | None, keys: RingKeys) -> str | None:
        """The subject that a previous anonymous token proves; None if it proves none.

        The shared subject is everybody's, so it is never proven: it lacks the prefix.
        """
        if presented is None:
            return None
        try:
            return self._proven_subject(credentials.parse(presented), keys)
        except InvalidCredentialError as error:
            _log.info("anonymous token not remembered: %s", error)
            return None

    def _proven_subject(self, token: Credential, keys: RingKeys) -> str:
        """Raises `InvalidCredentialError`.

        Neither `exp` nor `iss` and `aud` are asked about: an expired token is what this is for, and
        a device shall stay itself when the service moves to a domain of its own. No other key than
        our ring's is looked at, and the ring signs our tokens only.
        """
        key = self._key(token.kid, keys)
        if key is None:
            raise InvalidCredentialError("signed by no key of the ring")
        if not key.verifies(token):
            raise InvalidCredentialError("the signature is wrong")
        if token.claims.get("role") != "anonymous":
            raise InvalidCredentialError("not an anonymous token")
        subject = token.claims.get("sub")
        if not isinstance(subject, str) or not subject.startswith(SUBJECT_PREFIX):
            raise InvalidCredentialError("not a device's subject")
        issued_at = credentials.read_time(token.claims, "iat")
        if issued_at is None or not self._is_remembered(issued_at):
            raise InvalidCredentialError(f"issued more than {self.remember_seconds} s ago")
        return subject

    def _is_remembered(self, issued_at: int) -> bool:
        age = self.clock() - issued_at
        return -credentials.CLOCK_LEEWAY <= age < self.remember_seconds

    def _key(self, kid: str, keys: RingKeys) -> VerificationKey | None:
        if kid not in keys:
            return None
        if kid not in self._prepared:
            if len(self._prepared) >= len(keys):
                self._prepared.clear()  # The ring has moved on.
            algorithm, jwk = keys[kid]
            try:
                prepared = VerificationKey.from_jwk({**jwk, "alg": algorithm})
            except UnusableKeyError as error:
                raise InvalidCredentialError(f"a key of the ring is not usable: {error}") from None
            self._prepared[kid] = prepared
        return self._prepared[kid]
