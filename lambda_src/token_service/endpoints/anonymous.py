"""Anonymous users that stay themselves, without a database.

A device gets a token of its own beside the PowerSync token: its memory. It is authenticated by our
key ring, so a subject in it was given out by us; PowerSync never sees it, and accepts it no more
than we accept a PowerSync token. Each use gives a new one.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic_core import to_json

from token_service.identity import credentials
from token_service.identity.credentials import InvalidCredentialError
from token_service.identity.verification import UnusableKeyError, VerificationKey
from token_service.keys.ring_cache import ReadyRing
from token_service.reserved import SHARED_SUBJECT, SUBJECT_PREFIX

_log = logging.getLogger(__name__)


class FormerTokens(StrEnum):
    """What anonymous PowerSync tokens are still good for, which were the devices' memory once.

    They are told from today's by the claim `jti`, which those did not have.
    """

    EXCHANGE = "exchange"
    """Those of a former release are taken for as long as they were remembered then."""

    ISSUE = "issue"
    """They are also still given out, for apps that do not know device tokens yet."""

    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class FormerSubject:
    """A subject that a device has proven, by a token issued at `proven_at` (epoch seconds)."""

    subject: str
    proven_at: int


@dataclass(slots=True)
class AnonymousSubjects:
    """Gives anonymous users their subjects, and devices the tokens that keep them.

    Attributes:
        mode: `per-device`, or `shared` for one subject for all.
        remember_seconds: For how long after its issue a device token brings its subject back.
        issuer: Our own URL: `iss` and `aud` of a device token.
        former_tokens: What anonymous PowerSync tokens are good for.
        clock: Epoch seconds.
    """

    mode: str
    remember_seconds: int
    issuer: str
    former_tokens: FormerTokens
    clock: Callable[[], float]
    _prepared: dict[str, VerificationKey] = field(default_factory=dict)

    def subject_for(self, presented: str | None, ring: ReadyRing) -> str:
        """The subject for a new anonymous token.

        With the device's token `presented`, its subject; else, and for whatever is presented that
        does not prove one, a fresh random subject. That is never an error: anybody may have an
        anonymous token, so refusing would only lock out a device that was away for too long.
        """
        if self.mode == "shared":
            return SHARED_SUBJECT
        former = self.former_subject(presented, ring)
        return former.subject if former else SUBJECT_PREFIX + os.urandom(16).hex()

    def former_subject(self, presented: str | None, ring: ReadyRing) -> FormerSubject | None:
        """The subject that a device's token proves; None if it proves none.

        The shared subject is everybody's, so it is never proven: it lacks the prefix. No other key
        than our ring's is looked at.
        """
        if presented is None:
            return None
        try:
            claims = ring.device_keys.claims(presented)
            if claims is not None:
                _check_device_token(claims, self.clock())
            else:
                claims = self._former_claims(presented, ring)
            return self._proven_subject(claims)
        except InvalidCredentialError as error:
            _log.info("device not remembered: %s", error)
            return None

    def device_token(self, ring: ReadyRing, subject: str) -> str | None:
        """What `subject` has to show to be itself again; None where all share one."""
        if self.mode == "shared":
            return None
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": subject,
            "iat": now,
            "exp": now + self.remember_seconds,
        }
        return ring.device_keys.token(to_json(claims))

    def token_id(self) -> str | None:
        """The `jti` of an anonymous PowerSync token; one without is a device's memory, too."""
        return None if self.former_tokens is FormerTokens.ISSUE else os.urandom(16).hex()

    def _proven_subject(self, claims: Mapping[str, object]) -> FormerSubject:
        """Raises `InvalidCredentialError`."""
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject.startswith(SUBJECT_PREFIX):
            raise InvalidCredentialError("not a device's subject")
        issued_at = credentials.read_time(claims, "iat")
        if issued_at is None or not self._is_remembered(issued_at):
            raise InvalidCredentialError(f"issued more than {self.remember_seconds} s ago")
        return FormerSubject(subject, int(issued_at))

    def _former_claims(self, presented: str, ring: ReadyRing) -> Mapping[str, object]:
        """The claims of an anonymous PowerSync token of a former release.

        Its `exp` is not asked about: an expired token is what it was for. Raises
        `InvalidCredentialError`.
        """
        token = credentials.parse(presented)
        key = self._key(token.kid, ring.verification_keys)
        if key is None:
            raise InvalidCredentialError("signed by no key of the ring")
        if not key.verifies(token):
            raise InvalidCredentialError("the signature is wrong")
        if self.former_tokens is FormerTokens.REFUSE:
            raise InvalidCredentialError("a PowerSync token, and no device token")
        if token.claims.get("role") != "anonymous":
            raise InvalidCredentialError("not an anonymous token")
        if "jti" in token.claims:
            raise InvalidCredentialError("a PowerSync token that is not of a former release")
        return token.claims

    def _is_remembered(self, issued_at: float) -> bool:
        age = self.clock() - issued_at
        return -credentials.CLOCK_LEEWAY <= age < self.remember_seconds

    def _key(
        self, kid: str | None, keys: Mapping[str, tuple[str, Mapping[str, str]]]
    ) -> VerificationKey | None:
        if kid is None or kid not in keys:
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


def _check_device_token(claims: Mapping[str, object], now: float) -> None:
    """Raises `InvalidCredentialError`.

    That `aud` is its own `iss`, rather than today's URL, lets a device stay itself when the service
    moves to a domain of its own.
    """
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience != claims.get("iss"):
        raise InvalidCredentialError("a device token for somebody else")
    credentials.check_times(claims, now)
