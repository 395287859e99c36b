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
    file.write_text("config: {aws:region: eu-central-1, rotationDays: 7, audiences: [a, b]}")
    configuration = stack_configuration({"tokenLifetimeSeconds": 60}, file)
    assert configuration["aws:region"] == "eu-central-1"
    assert configuration["powersync-auth:rotationDays"] == "7"
    assert configuration["powersync-auth:audiences"] == '["a", "b"]'
    assert configuration["powersync-auth:tokenLifetimeSeconds"] == "60"
    assert configuration["powersync-auth:createUserPool"] == "true"
    assert configuration["powersync-auth:signingAlgorithm"] == "ES256"


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (b"config: {1: x}", "1: is no key"),
        (b"config: {yes: x}", "True: is no key"),
        (
            b"config: {alarmEmail: 2026-01-31}",
            "powersync-auth:alarmEmail: cannot be passed on as JSON",
        ),
        (
            b"config: {audiences: [2026-01-31]}",
            "powersync-auth:audiences: cannot be passed on as JSON",
        ),
        (
            b"config: {anonymous: {2026-01-31: x}}",
            "powersync-auth:anonymous: cannot be passed on as JSON",
        ),
        (
            b"config: {alarmEmail: 2026-01-31 12:00:00}",
            "powersync-auth:alarmEmail: cannot be passed on as JSON",
        ),
        (b"config: {alarmEmail: .nan}", "powersync-auth:alarmEmail: cannot be passed on as JSON"),
        (
            b"config: {alarmEmail: !!binary aGk=}",
            "powersync-auth:alarmEmail: cannot be passed on as JSON",
        ),
        (b"config: {rotationDays: }", "powersync-auth:rotationDays: has no value"),
        (b"config: {aws:region: }", "aws:region: has no value"),
        (b"config: {alarmEmail: {secure: v1:x}}", "powersync-auth:alarmEmail: is encrypted"),
    ],
)
def test_a_value_that_pulumi_could_not_pass_on_is_named_with_its_file(
    content: bytes, mistake: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    assert f"{file}:1: {mistake}" in mistakes(file, content)


def test_mistakes_of_a_file_are_told_together(tmp_path: Path) -> None:
    told = mistakes(tmp_path / "mine.yaml", b"config: {1: x, rotationDays: , 2: y}")
    assert "1: is no key" in told
    assert "2: is no key" in told
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
    assert "mine.yaml:1: aws:region: is " in told
    assert ", should be a region, such as us-east-1" in told


WRONG = """\
config:
  aws:region: Frankfurt
  tokenLifetimeSeconds: 5
  rotationDays:
  powersync_auth:protect: false
  tokenLifetime: 300
  anonymous:
    enabled: true
    subject: per-phone
  identityProviders:
    - issuer: https://login.test
      audiences: [app]
    - name: other
      issuer: 'https://other.test'
      audiences: app
      clientSecret: geheim
"""


def test_every_kind_of_mistake_is_told_at_once_with_line_and_value(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    told = mistakes(file, WRONG.encode())
    for line, text in (
        (2, "aws:region: is 'Frankfurt', should be a region"),
        (3, "powersync-auth:tokenLifetimeSeconds: is 5, should be greater than"),
        (4, "powersync-auth:rotationDays: has no value"),
        (5, "powersync_auth:protect: is false, no namespace of this project's; did you mean"),
        (6, "powersync-auth:tokenLifetime: is 300, no such key; did you mean tokenLifetimeSeconds"),
        (9, "powersync-auth:anonymous.subject: is 'per-phone', should be 'per-device' or"),
        (15, "powersync-auth:identityProviders[1].audiences: is 'app', should"),
        (16, "powersync-auth:identityProviders[1].clientSecret: "),
    ):
        assert f"{file}:{line}: {text}" in told
    assert "the configuration has 8 mistakes" in told
    assert "geheim" not in told


def test_what_is_probably_not_meant_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "config:\n"
        "  powersyncUrl: https://your-instance.powersync.journeyapps.com\n"
        "  corsOrigins: ['*']\n"
        "  anonymous: {enabled: true, enabled: false}\n"
        "  corsOrigins: [http://localhost:5173]\n"
    )
    warnings: list[str] = []
    configuration = stack_configuration(file=file, warn=warnings.append)
    assert configuration["powersync-auth:corsOrigins"] == '["http://localhost:5173"]'
    assert warnings == [
        f"{file}:4: config.anonymous.enabled stands in line 4 too; the last one counts",
        f"{file}:5: config.corsOrigins stands in line 3 too; the last one counts",
        "powersyncUrl is a placeholder from an example: put your own there",
    ]


def test_a_value_from_no_file_is_told_without_one() -> None:
    with pytest.raises(ConfigurationFileError) as caught:
        stack_configuration({"rotationDays": 0})
    assert "\n  - powersync-auth:rotationDays: is 0, should be " in str(caught.value)
