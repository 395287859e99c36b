"""Two texts that should be equal, character by character, and nearly are."""

from collections.abc import Iterable
from difflib import get_close_matches
from urllib.parse import urlsplit


def difference(got: str, wanted: str) -> str | None:
    """In which little thing a text differs from what it should be; None if in more than that."""
    if got.rstrip("/") == wanted.rstrip("/") and got != wanted:
        return "a slash at the end" if got.endswith("/") else "a missing slash at the end"
    if got.strip() == wanted:
        return "white space around it"
    if got.casefold() == wanted.casefold():
        return "upper and lower case"
    one, other = urlsplit(got), urlsplit(wanted)
    if one.scheme != other.scheme and one[1:] == other[1:] and one.netloc:
        return f"{one.scheme}:// instead of {other.scheme}://"
    if one.scheme == other.scheme and one.hostname == other.hostname and one.hostname:
        return "the port" if one[2:] == other[2:] else "what follows the host"
    return None


def nearest(got: str, wanted: Iterable[str]) -> tuple[str, str | None] | None:
    """The text most like `got`, with the difference if it is a little one; None if none is like."""
    candidates = list(wanted)
    for candidate in candidates:
        told = difference(got, candidate)
        if told is not None:
            return candidate, told
    close = get_close_matches(got, candidates, 1, 0.75)
    return (close[0], None) if close else None


def shortened(text: object, most: int = 200) -> str:
    """What a stranger has written, as one printable line of a bounded length."""
    line = ascii(text)[1:-1] if isinstance(text, str) else ascii(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
