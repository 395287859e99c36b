"""The commands and snippets of the documents."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fenced(document: str, language: str) -> list[str]:
    """The fenced blocks of a Markdown file in one language."""
    text = (ROOT / document).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def links(document: str) -> list[str]:
    """Targets of the relative links of a Markdown file, without anchors."""
    text = (ROOT / document).read_text("utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    return [target for target in targets if "://" not in target]


def first_column(document: str, heading: str) -> set[str]:
    """The code words in the first column of the first table below a heading."""
    text = (ROOT / document).read_text("utf-8").split(f"## {heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n|^<!--.*\n)+", text, re.MULTILINE)
    assert table, f"no table under {heading}"
    cells = [line.split("|")[1] for line in table[0].splitlines() if line.startswith("|")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}
