"""Every `aws` command in the documents, against AWS's own models of its operations."""

import re
import shlex
from collections.abc import Iterator

import botocore.session
import pytest
from botocore import xform_name

from tests.docs.snippets import ROOT, fenced

SESSION = botocore.session.get_session()
DOCUMENTS = [str(p.relative_to(ROOT)) for p in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))]

OF_THE_CLI_ALONE = {("logs", "tail")}
"""Commands that are no operation of AWS."""

OF_EVERY_COMMAND = {"query", "output", "region", "profile"}


def commands(document: str) -> Iterator[str]:
    """The ones in blocks and in code within lines; without what a pipe leads to."""
    text = (ROOT / document).read_text("utf-8")
    for block in fenced(document, "sh"):
        joined = block.replace("\\\n", " ")
        yield from re.findall(r"^aws [^|\n>]+", joined, re.MULTILINE)
    yield from re.findall(r"`(aws [a-z][^`]+)`", text)


def mistakes(command: str) -> list[str]:
    """What of a command AWS does not know."""
    _, service, operation, *rest = shlex.split(command)
    if (service, operation) in OF_THE_CLI_ALONE:
        return []
    if service not in SESSION.get_available_services():
        return [f"no service {service}"]
    model = SESSION.get_service_model(service)
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in by_name:
        return [f"no operation {operation} of {service}"]
    shape = model.operation_model(by_name[operation]).input_shape
    members = {xform_name(m, "-"): m for m in shape.members} if shape else {}
    given = {word[2:].split("=")[0] for word in rest if word.startswith("--")}
    unknown = {
        o for o in given - members.keys() - OF_EVERY_COMMAND if o.removeprefix("no-") not in members
    }
    required = {xform_name(m, "-") for m in (shape.required_members if shape else ())}
    told = [f"no option --{option}" for option in sorted(unknown)]
    # Without values it is named in a sentence rather than written out.
    if rest and not rest[-1].startswith("--"):
        told += [f"--{option} is missing" for option in sorted(required - given)]
    return told


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_are_aws_own(document: str) -> None:
    assert {c: m for c in commands(document) if (m := mistakes(c))} == {}


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("aws lamda delete-function", ["no service lamda"]),
        ("aws lambda remove-function", ["no operation remove-function of lambda"]),
        (
            "aws lambda delete-function --name x",
            ["no option --name", "--function-name is missing"],
        ),
        ("aws lambda delete-function --function-name x", []),
    ],
)
def test_a_mistyped_command_is_found(command: str, told: list[str]) -> None:
    assert mistakes(command) == told
