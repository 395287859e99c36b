"""The file with what outlives the local stack, as whoever starts it sees it.

The embedded AWS reads and writes it (`local.embedded.memory`).
"""

from pathlib import Path

PUT_ASIDE = ".unreadable-"
"""What follows the file's name where it could not be read."""


class MemoryFileError(Exception):
    """The file cannot be where it should; the message says why."""


def memory_file(folder: Path, port: int, path: str | None, fresh: str | None) -> Path:
    """The file for the stack on a port, whose folder exists; without the data if asked so.

    Args:
        folder: Where such files are, if no other place is given.
        port: The port of the stack.
        path: Another place.
        fresh: What FRESH says: 1 forgets the data, nothing keeps it.

    Raises:
        MemoryFileError: It cannot be there, or FRESH says something else.
    """
    file = Path(path) if path else folder / str(port) / "memory.json"
    if fresh not in (None, "", "0", "1"):
        raise MemoryFileError(f"FRESH is {fresh!r}; FRESH=1 forgets the data of former starts")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if fresh == "1":
            file.unlink(missing_ok=True)
    except OSError as error:
        raise MemoryFileError(
            f"the data of the local stack cannot be kept in {file}: {error.strerror}"
        ) from error
    if file.is_dir():
        raise MemoryFileError(f"the data of the local stack cannot be kept in {file}: a folder")
    return file


def put_aside(file: Path) -> set[Path]:
    """Former contents of a file that could not be read."""
    return set(file.parent.glob(f"{file.name}{PUT_ASIDE}*"))
