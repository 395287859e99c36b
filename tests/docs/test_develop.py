"""The files of docs/develop.md: PowerSync's schema takes them, and so does the local stack."""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from local.configuration import stack_configuration
from powersync_auth.identity_providers import is_nearby
from tests.docs.snippets import ROOT, fenced
from tests.js.verifier import JS, NODE, require_node_modules

DOCUMENT = "docs/develop.md"
FILES = fenced(DOCUMENT, "yaml")


def _file(name: str) -> Any:
    (found,) = [text for text in FILES if text.startswith(f"# {name}\n")]
    return yaml.safe_load(found)


def _local_configurations() -> list[str]:
    return [text for text in FILES if text.startswith("# my.yaml")]


def test_powersyncs_schema_takes_the_service_configuration() -> None:
    require_node_modules()
    checked = subprocess.run(
        [str(NODE), str(JS / "service_config.mjs")],
        input=yaml.safe_dump(_file("service.yaml")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(checked.stdout)["errors"] == []


@pytest.mark.parametrize("text", _local_configurations())
def test_the_local_stack_takes_each_configuration_and_gives_tokens_that_the_service_takes(
    text: str, tmp_path: Path
) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(text)
    warnings: list[str] = []
    configured = stack_configuration(file=file, warn=warnings.append)
    audiences = json.loads(configured["powersync-auth:audiences"])
    assert audiences == _file("service.yaml")["client_auth"]["audience"]
    assert warnings == []


def test_the_container_reaches_the_keys_by_a_name_that_it_has_and_the_door_answers_to() -> None:
    uri = urlsplit(_file("service.yaml")["client_auth"]["jwks_uri"])
    assert uri.hostname is not None
    assert (
        f"{uri.hostname}:host-gateway"
        in _file("compose.yaml")["services"]["powersync"]["extra_hosts"]
    )
    assert is_nearby(uri.hostname)
    assert (uri.port, uri.path) == (4566, "/.well-known/jwks.json")


def test_the_service_reads_the_databases_that_the_container_makes() -> None:
    compose, service = _file("compose.yaml"), _file("service.yaml")
    made = compose["configs"]["database"]["content"]
    environment = compose["services"]["database"]["environment"]
    (source,) = service["replication"]["connections"]
    for uri, name in (
        (source["uri"], environment["POSTGRES_DB"]),
        (service["storage"]["uri"], "powersync_storage"),
    ):
        parts = urlsplit(uri)
        assert parts.hostname in compose["services"]
        assert parts.password == environment["POSTGRES_PASSWORD"]
        assert parts.path == f"/{name}"
    assert "CREATE DATABASE powersync_storage;" in made
    assert f"{service['port']}:{service['port']}" in compose["services"]["powersync"]["ports"]
    volume = compose["services"]["powersync"]["environment"]["POWERSYNC_CONFIG_PATH"]
    assert f"./service.yaml:{volume}:ro" in compose["services"]["powersync"]["volumes"]


def test_every_name_in_the_table_is_one_that_the_door_answers_to() -> None:
    rows = [line for line in (ROOT / DOCUMENT).read_text().splitlines() if "`http://" in line]
    names = {
        urlsplit(word.strip("`")).hostname or ""
        for row in rows
        if row.startswith("|")
        for word in row.split()
        if word.startswith("`http://")
    }
    assert {"127.0.0.1", "10.0.2.2", "192.168.1.5", "host.docker.internal"} == names
    assert all(is_nearby(name) for name in names)
