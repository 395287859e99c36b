"""`docs/identity.md`: what it shows beside the providers' blocks is right, too."""

import re

import yaml

from powersync_auth.object_types import Anonymous
from tests.unit.identity.test_provider_settings import IDENTITY_MD

TEXT = IDENTITY_MD.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_anonymous_block_can_be_configured() -> None:
    (block,) = (text for text in blocks("yaml") if "powersync-auth:anonymous" in text)
    configured = yaml.safe_load(block)["config"]["powersync-auth:anonymous"]
    assert Anonymous.model_validate(configured).model_dump(by_alias=True) == configured
