"""Who wrote the published document: the seal that stands beside it.

Many roles of an account may write SSM parameters, and none of them but the rotate function's may
say which keys make tokens. So the document is believed with a seal only: a ciphertext under the
stack's customer key, in an encryption context of its own. The key's policy lets the rotate function
make one, it and the JWKS function open one, and nobody else do either.

Inside is a claim: the SHA-256 of the document, the version that the parameter has with it, and when
it was sealed. An old document that is put back has its seal, but another version; and where the
parameter was deleted and made anew, so that versions count from 1 again, another time than AWS
wrote it at. All times are epoch seconds.
"""

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple

from token_service.keys.jwk_set import PublicationError

LARGEST_SEAL = 440
"""Bytes of a seal, in base64: KMS adds some 150 bytes to a claim of about 90."""

WRITTEN_WITHIN = 300
"""Seconds that may lie between sealing and writing. AWS refuses what is signed by a clock that is
further off (Signature Version 4), so that no seal of ours is."""

_MARK = ',"seal":"'

OpenSeal = Callable[[str], str]
"""Gives what a seal contains; raises `SealError` where it is not ours, and `AwsError`."""


class SealError(PublicationError):
    """The parameter holds what the rotate function has not put there, or not now."""


class StoredValue(NamedTuple):
    """What the parameter holds, with its version, and when that was written by AWS's clock."""

    text: str
    version: int
    modified_at: float


class Claim(NamedTuple):
    """What a seal says of its document: `sha256` in hexadecimal, and where and when it stands."""

    sha256: str
    version: int
    sealed_at: float

    @classmethod
    def of(cls, document: str, version: int, now: float) -> "Claim":
        """The claim of a document that is about to be written."""
        return cls(_digest(document), version, round(now, 3))

    def dumps(self) -> str:
        """What is encrypted."""
        return json.dumps([self.sha256, self.version, self.sealed_at], separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> "Claim":
        """The claim of a seal that was opened; raises `SealError` if there is none in it."""
        try:
            sha256, version, sealed_at = json.loads(text)
            return cls(str(sha256), int(version), float(sealed_at))
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise SealError("the seal of the JWKS parameter has no claim in it") from None


def attached(document: str, seal: str) -> str:
    """The value to store: the document, a JSON object, with its seal as its last member."""
    return f'{document.removesuffix("}")}{_MARK}{seal}"}}'


def detached(text: str) -> tuple[str, str | None]:
    """The document and the seal of a stored value; None where it has no seal.

    The text is cut, not parsed: what is hashed is to the letter what is read as JSON then.
    """
    document, mark, rest = text.rpartition(_MARK)
    if not mark or not rest.endswith('"}'):
        return text, None
    return document + "}", rest.removesuffix('"}')


def opened(stored: StoredValue, open_seal: OpenSeal) -> tuple[str, Claim]:
    """The document that the rotate function has sealed at some time, and what it claimed.

    Raises `SealError` for any other, and `AwsError`.
    """
    document, seal = detached(stored.text)
    if seal is None:
        raise SealError(
            "the JWKS parameter has no seal: somebody else than the rotate function wrote it, or a"
            " release that had no seals"
        )
    claim = Claim.loads(open_seal(seal))
    if claim.sha256 != _digest(document):
        raise SealError("the seal of the JWKS parameter is that of another document")
    return document, claim


def is_in_place(claimed: int, version: int) -> bool:
    """Whether a document that was sealed as a version may stand as that.

    One further on it may: a write whose answer was lost is made twice, and whoever does the same
    changes nothing.
    """
    return version - claimed in (0, 1)


def check_in_place(claim: Claim, stored: StoredValue) -> None:
    """Raise `SealError` where a document of ours stands where or when it was not put."""
    if not is_in_place(claim.version, stored.version):
        raise SealError(
            f"the JWKS parameter's document was sealed as version {claim.version} and stands as"
            f" version {stored.version}: an old one was put back, or two were written at once"
        )
    if abs(claim.sealed_at - stored.modified_at) > WRITTEN_WITHIN:
        raise SealError(
            f"the JWKS parameter was written {stored.modified_at - claim.sealed_at:.0f} s after its"
            " document was sealed: an old one was put back"
        )


class SealedReader:
    """Reads the document to serve, and believes it by its seal only.

    Each is opened once. Opened documents follow each other: one that is neither of a higher version
    than the last nor sealed later, such as where the parameter was just deleted and made anew, is
    not believed.

    Args:
        read: Reads the parameter; raises `AwsError`.
        open_seal: Opens a seal. None believes everything, as the former release did: its
            environment, with which this code runs while it is being deployed again, names no key.
    """

    def __init__(self, read: Callable[[], StoredValue], open_seal: OpenSeal | None) -> None:
        self._read = read
        self._open_seal = open_seal
        self._believed: tuple[StoredValue, str, Claim] | None = None
        self._refused: tuple[StoredValue, str] | None = None

    def __call__(self) -> str:
        """The document; raises `SealError`, and `AwsError` where it or the key cannot be read."""
        stored = self._read()
        if self._open_seal is None:
            return detached(stored.text)[0]
        if self._believed is not None and stored == self._believed[0]:
            return self._believed[1]
        if self._refused is not None and stored == self._refused[0]:
            raise SealError(self._refused[1])
        try:
            document, claim = opened(stored, self._open_seal)
            check_in_place(claim, stored)
            self._check_follows(document, claim)
        except SealError as error:
            self._refused = stored, str(error)
            raise
        self._believed = stored, document, claim
        return document

    def _check_follows(self, document: str, claim: Claim) -> None:
        if self._believed is None or document == self._believed[1]:
            return
        last = self._believed[2]
        if claim.version <= last.version and claim.sealed_at <= last.sealed_at:
            raise SealError(
                "the JWKS parameter's document is older than the one served: it was put back"
            )


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()
