"""Where the published keys are kept: SSM Parameter Store."""

from collections.abc import Mapping

from token_service.aws.aws_json import AwsError, AwsJsonClient, member
from token_service.keys.seal import StoredValue


class PublicationStore:
    """The SSM parameter with the published keys; `tags` are those it has when it is made anew."""

    def __init__(
        self, parameter: str, client: AwsJsonClient, tags: Mapping[str, str] | None = None
    ) -> None:
        self.parameter = parameter
        self.client = client
        self.tags = tags or {}

    @classmethod
    def connect(
        cls,
        parameter: str,
        tags: Mapping[str, str] | None = None,
        *,
        time_limit: float = 7.5,
        attempts: int = 3,
    ) -> "PublicationStore":
        """A store whose calls take `time_limit` seconds at most, for all `attempts` together."""
        return cls(parameter, AwsJsonClient("ssm", "AmazonSSM", time_limit, attempts), tags)

    def read(self) -> StoredValue:
        """What is stored, whoever wrote it; raises `AwsError`."""
        answer = self.client.call("GetParameter", {"Name": self.parameter})
        parameter = member(answer, "Parameter", dict)
        return StoredValue(
            text=member(parameter, "Value", str),
            version=member(parameter, "Version", int),
            modified_at=float(member(parameter, "LastModifiedDate", (int, float))),
        )

    def find(self) -> StoredValue | None:
        """The same, or None where the parameter was deleted."""
        try:
            return self.read()
        except AwsError as error:
            if error.code == "ParameterNotFound":
                return None
            raise

    def write(self, text: str) -> int:
        """Replace what is stored; returns its new version number."""
        return self._put(text, {"Overwrite": True})

    def make(self, text: str) -> int | None:
        """Make the deleted parameter anew as the Pulumi program does, with `tags`.

        Returns its version number, 1; None where somebody else was quicker. AWS takes tags only
        with a parameter that is new.
        """
        tags = [{"Key": name, "Value": value} for name, value in self.tags.items()]
        try:
            return self._put(text, {"Tags": tags} if tags else {})
        except AwsError as error:
            if error.code == "ParameterAlreadyExists":
                return None
            raise

    def _put(self, text: str, parameters: Mapping[str, object]) -> int:
        answer = self.client.call(
            "PutParameter",
            {
                "Name": self.parameter,
                "Value": text,
                "Type": "String",
                # Without it the account's default tier, mostly Standard, would refuse above 4 KB.
                "Tier": "Intelligent-Tiering",
                **parameters,
            },
        )
        return member(answer, "Version", int)
