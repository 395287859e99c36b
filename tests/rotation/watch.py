"""The calls that one function makes to AWS, and what a test does around each of them."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.rotation.aws_model import Aws
from token_service.aws.aws_json import AwsError, AwsJsonClient
from token_service.keys.ring_store import PENDING

Call = Callable[[str, Mapping[str, object]], dict[str, object]]


class CrashError(Exception):
    """The function was stopped here."""


@dataclass
class Watch:
    """What happens around the calls that one function makes; calls are counted from 1."""

    before: Callable[[int, str], None] = lambda _, __: None
    after: Callable[[int, str], None] = lambda _, __: None
    calls: int = 0
    clock: Callable[[], float] = time.time
    contents: dict[str, bytes] = field(default_factory=dict)
    created: dict[str, float] = field(default_factory=dict)
    modified: dict[str, float] = field(default_factory=dict)
    alone: threading.Lock = field(default_factory=threading.Lock)

    def around(
        self, action: str, parameters: Mapping[str, object], call: Call, *, on_emulator: bool
    ) -> dict[str, object]:
        """Make a call as AWS would take it; the model takes it so by itself."""
        self.calls += 1
        number = self.calls
        self.before(number, action)
        if action in {"PutSecretValue", "UpdateSecretVersionStage"} and on_emulator:
            # To AWS a write is one thing; what is made of several calls here must not be parted.
            with self.alone:
                if action == "PutSecretValue":
                    self._as_aws_takes_it(parameters, call)
                answer = call(action, parameters)
        else:
            answer = call(action, parameters)
        if action == "GetSecretValue" and on_emulator:
            # Our clock may be ahead of the emulator's.
            version_id = str(answer["VersionId"])
            answer["CreatedDate"] = self.created.get(version_id, answer["CreatedDate"])
        if action == "PutParameter":
            self.modified[str(parameters["Name"])] = self.clock()
        if action == "GetParameter" and on_emulator:
            parameter = answer["Parameter"]
            assert isinstance(parameter, dict)
            parameter["LastModifiedDate"] = self.modified[str(parameters["Name"])]
        self.after(number, action)
        return answer

    def _as_aws_takes_it(self, parameters: Mapping[str, object], call: Call) -> None:
        """The emulator writes over a version, and lets two versions have the same label."""
        token, stages = str(parameters["ClientRequestToken"]), parameters["VersionStages"]
        self.created.setdefault(token, self.clock())
        content = hashlib.sha256(str(parameters.get("SecretString")).encode()).digest()
        if self.contents.setdefault(token, content) != content:
            raise AwsError("secretsmanager", "PutSecretValue", "ResourceExistsException", "")
        described = call("DescribeSecret", {"SecretId": parameters["SecretId"]})
        versions = described["VersionIdsToStages"]
        assert isinstance(versions, dict)
        for version_id, labels in versions.items():
            if stages == [PENDING] and PENDING in labels:
                call(
                    "UpdateSecretVersionStage",
                    {
                        "SecretId": parameters["SecretId"],
                        "VersionStage": PENDING,
                        "RemoveFromVersionId": version_id,
                    },
                )


class WatchedClient(AwsJsonClient):
    """Tells a `Watch` of each call."""

    def __init__(self, service: str, target_prefix: str, watch: Watch, model: Aws | None) -> None:
        # The emulator shares two cores with everything else: it may be slow.
        super().__init__(service, target_prefix, time_limit=60.0)
        self.watch = watch
        self.model = model

    def call(self, action: str, parameters: Mapping[str, object]) -> dict[str, object]:
        """One call, watched."""

        def plainly(action: str, parameters: Mapping[str, object]) -> dict[str, object]:
            if self.model is not None:
                return self.model.call(self.service, action, parameters)
            return AwsJsonClient.call(self, action, parameters)

        return self.watch.around(action, parameters, plainly, on_emulator=self.model is None)
