"""Where the key ring is kept: Secrets Manager.

The secret's versions carry AWS's staging labels: AWSCURRENT is the ring that signs, AWSPENDING one
that a change under way has prepared.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from token_service.aws.aws_json import AwsError, AwsJsonClient, member
from token_service.keys import ring_document
from token_service.keys.keyring import KeyRing, KeyRingError

log = logging.getLogger(__name__)

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"

_LABEL_IS_ELSEWHERE = ("InvalidParameterException", "ResourceNotFoundException")
"""UpdateSecretVersionStage: the version has not got that label, or AWS has deleted it by now."""


@dataclass(frozen=True, slots=True)
class StoredRing:
    """A ring, the version of the secret that holds it, and when that was made (epoch seconds)."""

    version_id: str
    ring: KeyRing
    created_at: float


@dataclass(frozen=True, slots=True)
class PendingVersion:
    """A version under AWSPENDING that is not AWSCURRENT too; `stored` None if it has no ring."""

    version_id: str
    stored: StoredRing | None


class ConflictError(Exception):
    """Somebody else changed the ring first; nothing of theirs was touched."""


class NoKeyRingError(Exception):
    """The secret has no ring yet, or the version asked for has none."""


@dataclass(frozen=True, slots=True)
class KeyRingStore:
    """The key-ring secret."""

    secret_arn: str
    client: AwsJsonClient

    @classmethod
    def connect(
        cls, secret_arn: str, *, time_limit: float = 7.5, attempts: int = 3
    ) -> "KeyRingStore":
        """A store whose calls take `time_limit` seconds at most, for all `attempts` together."""
        client = AwsJsonClient("secretsmanager", "secretsmanager", time_limit, attempts)
        return cls(secret_arn, client)

    def read(self, stage: str = CURRENT, version_id: str | None = None) -> StoredRing | None:
        """The ring under a label, or None where that version does not exist or has no value yet.

        Secrets Manager makes a rotation's version without a value, under AWSPENDING. Raises
        `AwsError`, and `KeyRingError` if what is there is not a ring.
        """
        which = {"VersionId": version_id} if version_id else {"VersionStage": stage}
        try:
            answer = self.client.call("GetSecretValue", {"SecretId": self.secret_arn, **which})
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise
        if "SecretString" not in answer:
            return None
        return StoredRing(
            version_id=member(answer, "VersionId", str),
            ring=ring_document.loads(member(answer, "SecretString", str)),
            created_at=float(member(answer, "CreatedDate", (int, float))),
        )

    def current(self) -> StoredRing:
        """The ring that signs; raises `NoKeyRingError` before there is one."""
        stored = self.read()
        if stored is None:
            raise NoKeyRingError("the secret has no key ring yet; run `pulumi up` to make one")
        return stored

    def pending(self) -> PendingVersion | None:
        """The change under way, or left behind by one that failed."""
        for version_id, labels in self.labels().items():
            if PENDING in labels and CURRENT not in labels:
                return PendingVersion(version_id, self._readable(version_id))
        return None

    def _readable(self, version_id: str) -> StoredRing | None:
        """The ring of a version, None also for one that is none: nothing is lost with it."""
        try:
            return self.read(version_id=version_id)
        except KeyRingError:
            log.exception("the pending version %s has no ring that can be read", version_id)
            return None

    def labels(self) -> Mapping[str, frozenset[str]]:
        """The staging labels of each version that has any (at most 20: a secret takes no more).

        Also of one without a value, which a failed rotation may leave behind, and which
        `ListSecretVersionIds` would not tell.
        """
        answer = self.client.call("DescribeSecret", {"SecretId": self.secret_arn})
        labels = cast("Mapping[str, list[str]]", answer.get("VersionIdsToStages", {}))
        return {version_id: frozenset(of) for version_id, of in labels.items()}

    def put(self, version_id: str, ring: KeyRing, stage: str = PENDING) -> None:
        """Write a ring as a new version under `stage`.

        Secrets Manager takes the same token twice only with the same value (otherwise
        `ResourceExistsException`): here that is a `ConflictError`.
        """
        try:
            self.client.call(
                "PutSecretValue",
                {
                    "SecretId": self.secret_arn,
                    "ClientRequestToken": version_id,
                    "SecretString": ring_document.dumps(ring),
                    "VersionStages": [stage],
                },
            )
        except AwsError as error:
            if error.code == "ResourceExistsException":
                raise ConflictError("another call has written this version already") from error
            raise

    def make_current(self, version_id: str, instead_of: str) -> None:
        """Move AWSCURRENT, provided that it is still on `instead_of` (else `ConflictError`).

        The check is AWS's own, in the same call. It also refuses a repetition of a call that has
        worked and whose answer was lost, so what counts then is where the label is.
        """
        try:
            self.client.call(
                "UpdateSecretVersionStage",
                {
                    "SecretId": self.secret_arn,
                    "VersionStage": CURRENT,
                    "MoveToVersionId": version_id,
                    "RemoveFromVersionId": instead_of,
                },
            )
        except AwsError as error:
            if error.code not in _LABEL_IS_ELSEWHERE:
                raise
            if CURRENT not in self.labels().get(version_id, ()):
                raise ConflictError("the key ring was changed by another call") from error

    def drop_pending(self, version_id: str) -> None:
        """Take AWSPENDING off a version, if it is still there."""
        try:
            self.client.call(
                "UpdateSecretVersionStage",
                {
                    "SecretId": self.secret_arn,
                    "VersionStage": PENDING,
                    "RemoveFromVersionId": version_id,
                },
            )
        except AwsError as error:
            if error.code not in _LABEL_IS_ELSEWHERE:
                raise
