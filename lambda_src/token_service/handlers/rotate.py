"""Entry point of the `rotate` function: Secrets Manager's steps and operators' actions."""

import os
import time
import uuid
from collections.abc import Mapping

from token_service.keys.commands import RotateCommands
from token_service.keys.key_generation import generate_signing_key
from token_service.keys.keyring import Timings
from token_service.keys.publication_store import PublicationStore
from token_service.keys.publisher import JwksPublisher
from token_service.keys.ring_store import KeyRingStore
from token_service.keys.rotation import Rotation
from token_service.keys.seal_key import SealKey
from token_service.settings import RotationSettings

_settings = RotationSettings.from_environment(os.environ)
_rings = KeyRingStore.connect(_settings.secret_arn)
_rotation = Rotation(
    rings=_rings,
    publisher=JwksPublisher(
        _rings,
        PublicationStore.connect(_settings.parameter, _settings.parameter_tags),
        _settings.retain_after_signing,
        time.time,
        time.sleep,
        SealKey.connect(_settings.seal_key_arn, _settings.parameter)
        if _settings.seal_key_arn
        else None,
        frozenset(key["kid"] for key in _settings.legacy_keys),
    ),
    make_key=lambda: generate_signing_key(_settings.signing_algorithm, int(time.time())),
    timings=Timings(
        publish_before_signing=_settings.publish_before_signing,
        retain_after_signing=_settings.retain_after_signing,
        remember_retired=_settings.remember_retired,
    ),
    clock=time.time,
    sleep=time.sleep,
    new_id=lambda: str(uuid.uuid4()),
)
_commands = RotateCommands(_rotation, _settings, time.sleep)


def handler(event: Mapping[str, object], _context: object) -> object:
    """Run one step or action; what fails is raised, so that the caller sees it failed."""
    return _commands.run(event)
