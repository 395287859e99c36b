"""Secrets Manager, SSM and KMS in memory, as AWS documents them: quick, and strict.

Label moves are seen late by readers, calls take time, services can be out of reach.
https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from token_service.aws.aws_json import AwsError, AwsJsonClient, AwsUnreachableError
from token_service.keys.ring_store import CURRENT, PENDING

PREVIOUS = "AWSPREVIOUS"

Parameters = Mapping[str, object]
Answer = dict[str, object]


@dataclass
class Aws:
    """One secret and one parameter.

    Attributes:
        clock: Tells epoch seconds.
        take: Lets the seconds pass that a call takes.
        label_delay: For how many seconds readers still see the labels as they were.
        unreachable: Services that do not answer.
    """

    clock: Callable[[], float]
    take: Callable[[], None] = lambda: None
    label_delay: float = 0.0
    unreachable: set[str] = field(default_factory=set)
    values: dict[str, str | None] = field(default_factory=dict)
    created: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    moves: list[tuple[float, dict[str, str]]] = field(default_factory=list)
    document: str | None = '{"keys":[]}'
    document_version: int = 1
    tags: object = None
    document_at: float = 0.0
    largest_parameter: int = 8192
    sealed: dict[str, tuple[object, object]] = field(default_factory=dict)
    on_publication: Callable[[str], None] = lambda _: None
    on_current: Callable[[str], None] = lambda _: None

    def call(self, service: str, action: str, parameters: Parameters) -> Answer:
        """One call, as `AwsJsonClient.call` makes it."""
        self.take()
        if service in self.unreachable:
            raise AwsUnreachableError(service, action, "TimeoutError", "")
        answers: dict[str, Callable[[Parameters], Answer]] = {
            "GetSecretValue": self._get_secret_value,
            "DescribeSecret": self._describe_secret,
            "PutSecretValue": self._put_secret_value,
            "UpdateSecretVersionStage": self._update_secret_version_stage,
            "GetParameter": self._get_parameter,
            "PutParameter": self._put_parameter,
            "Encrypt": self._encrypt,
            "Decrypt": self._decrypt,
        }
        return answers[action](parameters)

    def rotate_secret(self, token: str) -> None:
        """What RotateSecret does before it calls the function."""
        if self.labels.get(PENDING) not in (None, self.labels[CURRENT], token):
            raise _error("RotateSecret", "InvalidRequestException")
        self.created.setdefault(token, self.clock())
        self.values.setdefault(token, None)
        self._move({**self.labels, PENDING: token})

    def _get_secret_value(self, parameters: Parameters) -> Answer:
        version = parameters.get("VersionId") or self._visible().get(
            str(parameters["VersionStage"])
        )
        value = self.values.get(str(version))
        if value is None:
            raise _error("GetSecretValue", "ResourceNotFoundException")
        return {
            "VersionId": version,
            "SecretString": value,
            "CreatedDate": self.created[str(version)],
        }

    def _describe_secret(self, _: Parameters) -> Answer:
        stages: dict[str, list[str]] = {}
        for label, version in self._visible().items():
            stages.setdefault(version, []).append(label)
        return {"VersionIdsToStages": stages}

    def _put_secret_value(self, parameters: Parameters) -> Answer:
        token, value = str(parameters["ClientRequestToken"]), str(parameters["SecretString"])
        if len(value.encode()) > 65_536:
            raise _error("PutSecretValue", "ValidationException")
        if self.values.get(token) not in (None, value):
            raise _error("PutSecretValue", "ResourceExistsException")
        self.created.setdefault(token, self.clock())
        self.values[token] = value
        stages = parameters["VersionStages"]
        assert isinstance(stages, list)
        stage = str(stages[0])
        moved = {**self.labels, stage: token}
        if stage == CURRENT and CURRENT in self.labels:
            moved[PREVIOUS] = self.labels[CURRENT]
        self._move(moved)
        return {}

    def _update_secret_version_stage(self, parameters: Parameters) -> Answer:
        label = str(parameters["VersionStage"])
        source, target = parameters.get("RemoveFromVersionId"), parameters.get("MoveToVersionId")
        for version in (source, target):
            if version is not None and version not in self.values:
                raise _error("UpdateSecretVersionStage", "ResourceNotFoundException")
        if self.labels.get(label) != source:
            raise _error("UpdateSecretVersionStage", "InvalidParameterException")
        moved = {name: version for name, version in self.labels.items() if name != label}
        if target is not None:
            moved[label] = str(target)
            if label == CURRENT and source is not None:
                moved[PREVIOUS] = str(source)
        self._move(moved)
        return {}

    def delete_parameter(self) -> None:
        """Somebody deletes the parameter."""
        self.document, self.document_version = None, 0

    def _get_parameter(self, _: Parameters) -> Answer:
        if self.document is None:
            raise AwsError("ssm", "GetParameter", "ParameterNotFound", "")
        return {
            "Parameter": {
                "Value": self.document,
                "Version": self.document_version,
                "LastModifiedDate": self.document_at,
            }
        }

    def _put_parameter(self, parameters: Parameters) -> Answer:
        largest = self.largest_parameter
        tiers = {"Intelligent-Tiering": largest, "Advanced": largest, "Standard": 4096}
        if len(str(parameters["Value"]).encode()) > tiers[str(parameters["Tier"])]:
            raise AwsError("ssm", "PutParameter", "ValidationException", "too large")
        if not parameters.get("Overwrite") and self.document is not None:
            raise AwsError("ssm", "PutParameter", "ParameterAlreadyExists", "")
        if parameters.get("Overwrite") and parameters.get("Tags"):
            raise AwsError("ssm", "PutParameter", "ValidationException", "tags and overwrite")
        if self.document is None:
            self.tags = parameters.get("Tags")
        self.document = str(parameters["Value"])
        self.document_version += 1
        self.document_at = self.clock()
        self.on_publication(self.document)
        return {"Version": self.document_version}

    def _encrypt(self, parameters: Parameters) -> Answer:
        """A ciphertext as long as KMS's of so much, which nobody can make."""
        plaintext = str(parameters["Plaintext"])
        blob = f"{len(self.sealed)}:".encode().ljust(152 + len(plaintext) * 3 // 4, b"-")
        ciphertext = base64.b64encode(blob).decode()
        self.sealed[ciphertext] = parameters["EncryptionContext"], plaintext
        return {"CiphertextBlob": ciphertext, "KeyId": parameters["KeyId"]}

    def _decrypt(self, parameters: Parameters) -> Answer:
        context, plaintext = self.sealed.get(str(parameters["CiphertextBlob"]), (None, None))
        if context is None or context != parameters["EncryptionContext"]:
            raise AwsError("kms", "Decrypt", "InvalidCiphertextException", "")
        return {"Plaintext": plaintext, "KeyId": parameters["KeyId"]}

    def _visible(self) -> dict[str, str]:
        """The labels as they were `label_delay` seconds ago."""
        seen = [labels for at, labels in self.moves if at <= self.clock() - self.label_delay]
        return seen[-1] if seen else {}

    def _move(self, labels: dict[str, str]) -> None:
        if len(labels) > 20:
            raise _error("UpdateSecretVersionStage", "LimitExceededException")
        moved = labels.get(CURRENT) != self.labels.get(CURRENT)
        self.labels = labels
        self.moves = [*self.moves[-20:], (self.clock(), labels)]
        if moved:
            self.on_current(self.values[labels[CURRENT]] or "")
        # Secrets Manager deletes versions without a label, not within a day.
        kept = {*labels.values(), *self._visible().values()}
        for version, created in list(self.created.items()):
            if version not in kept and created < self.clock() - 86400:
                del self.values[version], self.created[version]


def _error(action: str, code: str) -> AwsError:
    return AwsError("secretsmanager", action, code, "")


class ModelClient(AwsJsonClient):
    """Calls the model instead of AWS."""

    def __init__(self, service: str, target_prefix: str, aws: Aws) -> None:
        super().__init__(service, target_prefix)
        self.aws = aws

    def call(self, action: str, parameters: Parameters) -> Answer:
        return self.aws.call(self.service, action, parameters)
