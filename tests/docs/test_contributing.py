"""The map in CONTRIBUTING is that of the repository."""

import re

import grimp

from tests.conftest import Figure
from tests.docs.snippets import ROOT, first_column

DOCUMENT = "CONTRIBUTING.md"
FOLDERS = ("", "lambda_src/token_service")
WORDS_A_MINUTE = 238
"""How fast adults read English non-fiction (Brysbaert 2019); here a word of code is one."""


def test_the_table_of_tests_has_every_folder() -> None:
    folders = {f"tests/{file.parent.name}" for file in ROOT.glob("tests/*/test_*.py")}
    assert first_column(DOCUMENT, "Tests") == folders


def _way() -> str:
    return (ROOT / DOCUMENT).read_text("utf-8").split("## Find your way\n")[1].split("\n## ")[0]


def test_the_way_leads_through_files_that_are_there() -> None:
    named = re.findall(r"`([\w/]+(?:\.py|/))`", _way())
    assert len(named) > 10
    for name in named:
        assert any((ROOT / folder / name).exists() for folder in FOLDERS), name


def test_the_heart_is_read_in_an_hour(figure: Figure) -> None:
    """Up to the operators' commands, every file that is named, from its first line to its last."""
    named = re.findall(r"`([\w/]+\.py)`", _way().split("\n6. ")[0])
    paths = {
        path for name in named for folder in FOLDERS if (path := ROOT / folder / name).exists()
    }
    assert len(paths) > 10
    texts = [path.read_text("utf-8") for path in paths]
    minutes = sum(len(text.split()) for text in texts) / WORDS_A_MINUTE
    figure("minutes to read the heart of it", round(minutes))
    figure("lines in it", sum(text.count("\n") for text in texts))
    assert minutes <= 60, "name fewer files in CONTRIBUTING, or part one that has grown"


def test_the_picture_of_the_house_has_the_arrows_of_the_imports_and_no_others() -> None:
    picture = (ROOT / DOCUMENT).read_text("utf-8").split("```mermaid\n")[1].split("```")[0]
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)$", picture, re.MULTILINE))
    houses = ("token_service", "powersync_auth", "local", "operate")
    graph = grimp.build_graph(*houses)
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
