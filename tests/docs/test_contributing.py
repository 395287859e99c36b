"""The map in CONTRIBUTING is that of the repository."""

import re

import grimp

from tests.docs.snippets import ROOT, first_column
from tests.import_contracts import with_program

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


def test_the_picture_of_the_house_has_the_arrows_of_the_imports_and_no_others() -> None:
    picture = (ROOT / DOCUMENT).read_text("utf-8").split("```mermaid\n")[1].split("```")[0]
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)$", picture, re.MULTILINE))
    houses = ("token_service", "infra", "local", "operate")
    # The program's modules import each other, and are imported, as if they were foreign packages.
    graph = with_program(grimp.build_graph(*houses, include_external_packages=True))
    rooms = {module: _room(module) for module in graph.modules if module.split(".")[0] in houses}
    imported = {
        (room, rooms[other])
        for module, room in rooms.items()
        for other in graph.find_modules_directly_imported_by(module)
        if other in rooms and rooms[other] != room
    }
    assert drawn == imported


def _room(module: str) -> str:
    """The folder or single module of the house that a module stands in."""
    package, *rest = module.split(".")
    return rest[0] if package == "token_service" and rest else package
