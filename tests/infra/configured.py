"""Settings as the program reads them from a stack's configuration."""

import json
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config

from powersync_auth import configuration
from powersync_auth.settings import Settings

PROVIDER = {"issuer": "https://login.example.com", "audiences": ["app"]}
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/1-2-3"


def load(**values: Any) -> Settings:
    runtime_config.set_all_config(
        {
            "aws:region": "eu-central-1",
            **{
                f"{pulumi.get_project()}:{key}": v if isinstance(v, str) else json.dumps(v)
                for key, v in values.items()
            },
        }
    )
    try:
        return configuration.read_settings()
    finally:
        runtime_config.set_all_config({})


def provider(**changes: Any) -> dict[str, Any]:
    return {"identityProviders": [{**PROVIDER, **changes}]}


ALL_WELL = {"powersyncUrl": "https://x.journeyapps.com", **provider(issuer="https://l.acme.dev")}
