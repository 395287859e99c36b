"""The threat model names tests that are there."""

import re

from tests.docs.snippets import ROOT


def test_every_line_of_the_threat_model_is_shown_by_a_test_that_is_there() -> None:
    text = (ROOT / "docs/threat-model.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    threats = [line for line in lines if not line.startswith("| who")]
    assert len(threats) > 15
    tests = {
        name
        for file in ROOT.glob("tests/**/test_*.py")
        if "node_modules" not in file.parts
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    for threat in threats:
        named = re.findall(r"`(test_\w+)`", threat.rsplit("|", 2)[1])
        assert named, threat
        assert not [name for name in named if name not in tests], threat
