"""A key ring in the embedded AWS, or in the model of AWS, watched call by call."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from powersync_auth.timings import Timings as DerivedTimings
from tests.rotation.aws_model import Aws
from tests.rotation.watch import Watch, WatchedClient
from token_service.keys import publication
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import KeyRing, Timings
from token_service.keys.publication import Publication
from token_service.keys.publication_store import PublicationStore
from token_service.keys.publisher import JwksPublisher
from token_service.keys.ring_store import CURRENT, PENDING, KeyRingStore
from token_service.keys.rotation import Rotation
from token_service.keys.seal import Claim, SealedReader, attached, detached
from token_service.keys.seal_key import SealKey

__all__ = ["TAGS", "Account", "Watch", "prepare", "steps"]

TAGS = {"project": "powersync-auth", "stack": "test"}
"""Those that the Pulumi program gives the parameter."""


class Account:
    """A secret and a parameter of their own; `clock` is real time, and may be set forward."""

    def __init__(self, *, in_model: bool = False) -> None:
        derived = DerivedTimings.derive(verifier_cache=3600, token_lifetime=300)
        self.timings = Timings(
            publish_before_signing=derived.publish_before_signing,
            retain_after_signing=derived.retain_after_signing,
            remember_retired=86400,
        )
        self.algorithm = "ES256"
        self.first = ("", "")
        self.being_revoked: set[str] = set()
        self.legacy: frozenset[str] = frozenset()
        self.contents: dict[str, bytes] = {}
        self.created: dict[str, float] = {}
        self.modified: dict[str, float] = {}
        self._ahead = 0.0
        self._alone = threading.Lock()
        self.model = Aws(self.clock) if in_model else None
        self._secrets = self._client("secretsmanager", "secretsmanager", Watch())
        self._ssm = self._client(
            "ssm", "AmazonSSM", Watch(clock=self.clock, modified=self.modified)
        )
        self._kms = self._client("kms", "TrentService", Watch())
        name = f"test-{uuid.uuid4()}"
        self.secret_arn, self.parameter, self.key = f"arn:{name}", f"/{name}", "key"
        if not in_model:
            self._make_resources(name)

    def _client(self, service: str, prefix: str, watch: Watch) -> WatchedClient:
        return WatchedClient(service, prefix, watch, self.model)

    def _make_resources(self, name: str) -> None:
        made = self._secrets.call(
            "CreateSecret", {"Name": name, "ClientRequestToken": str(uuid.uuid4())}
        )
        self.secret_arn = str(made["ARN"])
        key = self._kms.call("CreateKey", {})["KeyMetadata"]
        assert isinstance(key, dict)
        self.key = str(key["Arn"])
        self._ssm.call(
            "PutParameter", {"Name": self.parameter, "Value": '{"keys":[]}', "Type": "String"}
        )

    def clock(self) -> float:
        return time.time() + self._ahead

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead += seconds

    def function(self, watch: Watch | None = None) -> Rotation:
        """The rotate function, in a process of its own as it were."""
        watch = watch or Watch()
        watch.clock, watch.contents, watch.created = self.clock, self.contents, self.created
        watch.modified = self.modified
        watch.alone = self._alone
        rings = KeyRingStore(
            self.secret_arn, self._client("secretsmanager", "secretsmanager", watch)
        )
        publications = PublicationStore(
            self.parameter, self._client("ssm", "AmazonSSM", watch), TAGS
        )
        return Rotation(
            rings=rings,
            publisher=JwksPublisher(
                rings,
                publications,
                self.timings.retain_after_signing,
                self.clock,
                self.wait,
                SealKey(self.key, self.parameter, self._client("kms", "TrentService", watch)),
                self.legacy,
            ),
            make_key=lambda: generate_signing_key(self.algorithm, int(self.clock())),
            timings=self.timings,
            clock=self.clock,
            sleep=self.wait,
            new_id=lambda: str(uuid.uuid4()),
        )

    # What is there, seen from outside.

    def ring(self, stage: str = CURRENT) -> KeyRing | None:
        stored = KeyRingStore(self.secret_arn, self._secrets).read(stage)
        return stored.ring if stored else None

    def signing(self) -> KeyRing:
        ring = self.ring()
        assert ring is not None, "there is no ring"
        return ring

    def labels(self) -> dict[str, str]:
        """The version under each label; a label must not be on two."""
        found: dict[str, str] = {}
        for version_id, labels in KeyRingStore(self.secret_arn, self._secrets).labels().items():
            for label in labels:
                assert label not in found, f"two versions carry {label}"
                found[label] = version_id
        return found

    def published(self) -> Publication:
        """What is stored, whether it is served just now or not."""
        return publication.loads(self._document(), self.clock())

    def _document(self) -> str:
        store = PublicationStore(self.parameter, self._ssm)
        return detached(store.read().text)[0]

    def served(self) -> str:
        """What a JWKS function that has just been started serves."""
        return self.reader()()

    def reader(self) -> SealedReader:
        """What a JWKS function reads through."""
        key = SealKey(self.key, self.parameter, self._kms)
        return SealedReader(PublicationStore(self.parameter, self._ssm).read, key.open)

    def put_sealed(self, document: str) -> None:
        """Publish a document of ours."""
        store = PublicationStore(self.parameter, self._ssm)
        claim = Claim.of(document, store.read().version + 1, self.clock())
        key = SealKey(self.key, self.parameter, self._kms)
        store.write(attached(document, key.close(claim.dumps())))

    def document(self) -> dict[str, Any]:
        """What stands in the parameter."""
        return dict(json.loads(self._document()))

    def write_document(self, document: object) -> None:
        """Somebody writes over the parameter by hand."""
        self._ssm.call(
            "PutParameter",
            {
                "Name": self.parameter,
                "Value": json.dumps(document),
                "Type": "String",
                "Tier": "Intelligent-Tiering",
                "Overwrite": True,
            },
        )

    def edit_ring(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Somebody edits the value of the secret by hand; in the model."""
        assert self.model is not None
        version = self.model.labels[CURRENT]
        ring = json.loads(str(self.model.values[version]))
        edit(ring)
        self.model.values[version] = json.dumps(ring)

    def lose_ring(self, value: str) -> None:
        """The value of the secret is not a ring any more; in the model."""
        assert self.model is not None
        self.model.values[self.model.labels[CURRENT]] = value

    def delete_parameter(self) -> None:
        """Somebody deletes the parameter."""
        if self.model is not None:
            self.model.delete_parameter()
        else:
            self._ssm.call("DeleteParameter", {"Name": self.parameter})

    def parameter_tags(self) -> dict[str, str]:
        """The tags of the parameter in the embedded AWS."""
        found = self._ssm.call(
            "ListTagsForResource", {"ResourceType": "Parameter", "ResourceId": self.parameter}
        )
        tags = found["TagList"]
        assert isinstance(tags, list)
        return {tag["Key"]: tag["Value"] for tag in tags}

    def make_empty_pending(self, token: str) -> None:
        """What `RotateSecret` does first: a version without a value, under AWSPENDING."""
        if self.model is not None:
            self.model.rotate_secret(token)
            return
        self.created[token] = self.clock()
        self._secrets.call(
            "PutSecretValue",
            {
                "SecretId": self.secret_arn,
                "ClientRequestToken": token,
                "VersionStages": [PENDING],
            },
        )

    def copy(self) -> "Account":
        """Another account in the same state."""
        other = Account(in_model=self.model is not None)
        other.timings, other._ahead = self.timings, self._ahead
        other.put_sealed(publication.dumps(self.published(), self.signing().generation))
        KeyRingStore(other.secret_arn, other._secrets).put(
            self.labels()[CURRENT], self.signing(), stage=CURRENT
        )
        return other

    def check_signing_key_is_published(self) -> None:
        """Unless it is being revoked, the key that signs is in the JWKS."""
        ring = self.ring()
        if ring is None or ring.current.kid in self.being_revoked:
            return
        # The very first ring is published before any function is given traffic.
        if self.published() or ring.derived_from is not None:
            assert ring.current.kid in self.published(), "the key that signs is not in the JWKS"

    def check_sound(self) -> None:
        """No change is under way, every key of the ring is published, and no revoked one."""
        labels = self.labels()
        assert labels.get(PENDING) in (None, labels[CURRENT]), "a pending version was left behind"
        ring, published = self.signing(), self.published()
        assert {key.kid for key in ring.keys} <= set(published), "a key is not published"
        assert not ring.revoked.keys() & set(published), "a revoked key is published"
        served = publication.loads(self.served(), self.clock())
        assert served == published, "what is published is not served"

    def check_consistent(self) -> None:
        """Beyond that, the publication is that of the ring."""
        self.check_sound()
        ring, published = self.signing(), self.published()
        assert set(published) == {key.kid for key in ring.keys}
        for key in ring.keys:
            assert published[key.kid].jwk == {
                **key.public_jwk,
                "kid": key.kid,
                "alg": key.alg,
                "use": "sig",
            }
            stopped = published[key.kid].stopped_signing_at
            assert (stopped is None) == (key.state != "previous")


def steps(function: Rotation, token: str, pause: float = 0.0) -> None:
    """A rotation, as Secrets Manager asks for it; `pause` is in seconds, after each step."""
    for step in (
        function.create_secret,
        function.set_secret,
        function.test_secret,
        function.finish_secret,
    ):
        step(token)
        function.sleep(pause)


def prepare(account: Account) -> Account:
    """Give it a ring that may be rotated, with a previous key that may leave."""
    account.function().bootstrap()
    account.wait(account.timings.publish_before_signing)
    steps(account.function(), account.function().new_id())
    account.wait(account.timings.retain_after_signing)
    return account
