"""The customer key, as far as it makes and opens seals: KMS.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
"""

import base64
import binascii

from token_service.aws.aws_json import AwsError, AwsJsonClient
from token_service.keys.seal import LARGEST_SEAL, SealError

CONTEXT = "JwksParameter"
"""Name of the one pair in a seal's encryption context. The key's policy names it, too."""

_NOT_OURS = frozenset(
    {
        # Another context, changed, or no ciphertext at all.
        "InvalidCiphertextException",
        # Made with another key, such as one of the writer's own.
        "IncorrectKeyException",
    }
)


class SealKey:
    """Makes and opens the seals of one parameter; the last one is opened once."""

    def __init__(self, key_arn: str, parameter: str, client: AwsJsonClient) -> None:
        self.key_arn = key_arn
        self.parameter = parameter
        self.client = client
        self._last: dict[str, str] = {}

    @classmethod
    def connect(
        cls, key_arn: str, parameter: str, *, time_limit: float = 7.5, attempts: int = 3
    ) -> "SealKey":
        """A key whose calls take `time_limit` seconds at most, for all `attempts` together."""
        return cls(key_arn, parameter, AwsJsonClient("kms", "TrentService", time_limit, attempts))

    def close(self, claim: str) -> str:
        """The seal with a claim in it, in base64; raises `AwsError`."""
        plaintext = base64.b64encode(claim.encode()).decode()
        answer = self.client.call("Encrypt", {**self.where(), "Plaintext": plaintext})
        seal = answer.get("CiphertextBlob")
        if not isinstance(seal, str) or len(seal) > LARGEST_SEAL:
            raise AwsError("kms", "Encrypt", "UnusableAnswer", "no ciphertext as it should be")
        self._remember(seal, claim)
        return seal

    def open(self, seal: str) -> str:
        """What is in a seal; raises `SealError` where it is none of this key, and `AwsError`."""
        if seal in self._last:
            return self._last[seal]
        if len(seal) > LARGEST_SEAL or not _is_base64(seal):
            raise SealError("the seal of the JWKS parameter is none")
        try:
            # The key is named: without it KMS would take any that the caller may use.
            answer = self.client.call("Decrypt", {**self.where(), "CiphertextBlob": seal})
            claim = base64.b64decode(str(answer["Plaintext"])).decode()
        except AwsError as error:
            if error.code not in _NOT_OURS:
                raise
            raise SealError(
                "the seal of the JWKS parameter was not made with this stack's key for it"
            ) from error
        except (KeyError, ValueError):
            raise SealError("the seal of the JWKS parameter has no claim in it") from None
        self._remember(seal, claim)
        return claim

    def _remember(self, seal: str, claim: str) -> None:
        self._last.clear()
        self._last[seal] = claim

    def where(self) -> dict[str, object]:
        """Which key, and what for: the same in both calls."""
        return {"KeyId": self.key_arn, "EncryptionContext": {CONTEXT: self.parameter}}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
