"""The configuration of the local stack: what is merged, and mistakes of a file of one's own."""

from pathlib import Path

import pytest

from local.configuration import ConfigurationFileError, stack_configuration


def mistakes(file: Path, content: bytes) -> str:
    file.write_bytes(content)
    with pytest.raises(ConfigurationFileError) as caught:
        stack_configuration(file=file)
    return str(caught.value)


def test_ones_own_file_goes_before_that_of_the_local_stack_and_that_before_the_defaults(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("config: {aws:region: eu-central-1, rotationDays: 7, audiences: [a, null]}")
    configuration = stack_configuration({"tokenLifetimeSeconds": 60}, file)
    assert configuration["aws:region"] == "eu-central-1"
    assert configuration["powersync-auth:rotationDays"] == "7"
    assert configuration["powersync-auth:audiences"] == '["a", null]'
    assert configuration["powersync-auth:tokenLifetimeSeconds"] == "60"
    assert configuration["powersync-auth:createUserPool"] == "true"
    assert configuration["powersync-auth:signingAlgorithm"] == "ES256"


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"config: {1: x}", "1 is no key"),
        (b"config: {yes: x}", "True is no key"),
        (b"config: {alarmEmail: 2026-01-31}", "alarmEmail: cannot be passed on as JSON"),
        (b"config: {audiences: [2026-01-31]}", "audiences: cannot be passed on as JSON"),
        (b"config: {anonymous: {2026-01-31: x}}", "anonymous: cannot be passed on as JSON"),
        (b"config: {alarmEmail: 2026-01-31 12:00:00}", "alarmEmail: cannot be passed on as JSON"),
        (b"config: {alarmEmail: .nan}", "alarmEmail: cannot be passed on as JSON"),
        (b"config: {alarmEmail: !!binary aGk=}", "alarmEmail: cannot be passed on as JSON"),
        (b"config: {rotationDays: }", "rotationDays: has no value"),
        (b"config: {aws:region: }", "aws:region: has no value"),
    ],
)
def test_a_value_that_pulumi_could_not_pass_on_is_named_with_its_file(
    content: bytes, mistake: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    assert f"{file}: {mistake}" in mistakes(file, content)


def test_mistakes_of_a_file_are_told_together(tmp_path: Path) -> None:
    told = mistakes(tmp_path / "mine.yaml", b"config: {1: x, rotationDays: , 2: y}")
    assert "1 is no key" in told
    assert "2 is no key" in told
    assert "rotationDays: has no value" in told


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"config: {a: 2026-13-45}", b"config: {", b"\x00"]
)
def test_a_file_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert f"{file} cannot be read: " in mistakes(file, content)


@pytest.mark.parametrize("content", [b"", b"[]", b"config:", b"config: []", b"other: {}"])
def test_a_file_that_is_no_configuration_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert f"{file}: should " in mistakes(file, content)


@pytest.mark.parametrize("region", ["''", "5", "null-1", "Frankfurt", "'eu-central-1 '"])
def test_what_is_no_region_is_refused(region: str, tmp_path: Path) -> None:
    told = mistakes(tmp_path / "mine.yaml", f"config: {{aws:region: {region}}}".encode())
    assert "aws:region: should be a region, such as us-east-1, and is " in told
