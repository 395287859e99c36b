"""The map in CONTRIBUTING is that of the repository."""

import re

from tests.docs.snippets import ROOT, first_column

DOCUMENT = "CONTRIBUTING.md"
FOLDERS = ("", "lambda_src/token_service")


def test_the_table_of_tests_has_every_folder() -> None:
    folders = {f"tests/{file.parent.name}" for file in ROOT.glob("tests/*/test_*.py")}
    assert first_column(DOCUMENT, "Tests") == folders


def test_the_way_leads_through_files_that_are_there() -> None:
    text = (ROOT / DOCUMENT).read_text("utf-8").split("## Find your way\n")[1].split("\n## ")[0]
    named = re.findall(r"`([\w/]+(?:\.py|/))`", text)
    assert len(named) > 10
    for name in named:
        assert any((ROOT / folder / name).exists() for folder in FOLDERS), name
