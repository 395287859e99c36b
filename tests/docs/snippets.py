"""The commands and snippets of the documents."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fenced(document: str, language: str) -> list[str]:
    """The fenced blocks of a Markdown file in one language."""
    text = (ROOT / document).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def links(document: str) -> Iterator[tuple[Path, str]]:
    """The file and the anchor, if any, of each relative link of a Markdown file."""
    file = ROOT / document
    for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", file.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if "://" not in target:
            yield (file.parent / path if path else file), anchor


def anchors(file: Path) -> set[str]:
    """What links may name in a Markdown file: its headings, as GitHub writes them in a URL."""
    headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", text.lower()).replace(" ", "-") for text in headings}


def first_column(document: str, heading: str) -> set[str]:
    """The code words in the first column of the first table below a heading."""
    text = (ROOT / document).read_text("utf-8").split(f"## {heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n|^<!--.*\n)+", text, re.MULTILINE)
    assert table, f"no table under {heading}"
    cells = [line.split("|")[1] for line in table[0].splitlines() if line.startswith("|")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}
