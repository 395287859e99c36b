"""docs/first-deployment.md: its numbers, against the program's plan."""

import re

import yaml

from tests.docs.snippets import ROOT
from tests.infra.plan import PROJECT, record

PAGE = (ROOT / "docs/first-deployment.md").read_text("utf-8")


def test_the_page_says_how_many_resources_the_example_makes() -> None:
    example = yaml.safe_load((ROOT / "examples/Pulumi.dev.yaml").read_text())["config"]
    prefix = f"{PROJECT}:"
    settings = {k.removeprefix(prefix): v for k, v in example.items() if k.startswith(prefix)}
    resources = record(**settings).resources
    in_aws = sum(resource.custom for resource in resources)
    components = len(resources) - in_aws
    told = re.search(r"(\d+) resources to create: (\d+) in AWS, (\d+) components, the stack", PAGE)
    assert told
    assert [int(n) for n in told.groups()] == [in_aws + components + 1, in_aws, components]


def test_every_line_can_be_ticked_off() -> None:
    below_headings = PAGE.split("\n## ")[1:]
    assert len(below_headings) >= 8
    for section in below_headings:
        assert "- [ ] " in section, section.splitlines()[0]


def test_the_alarms_it_names_are_made() -> None:
    alarms = {str(alarm.inputs["name"]) for alarm in record().of("MetricAlarm").values()}
    for name in ("throttled", "rotation-silent", "api-failed", "rotation-failed"):
        assert name in PAGE
        assert f"{PROJECT}-dev-{name}" in alarms
