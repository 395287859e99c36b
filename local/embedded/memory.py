"""What outlives the embedded AWS: keys, the published JWKS, and the users of the user pool.

MiniStack saves its state when it ends, where it gets to, one service after the other and readable
by everybody. Here the few services whose data is worth keeping are saved together while it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack.core import persistence

from local.remembered import PUT_ASIDE

SAVED_EVERY_SECONDS = 0.4
"""Together with the time that saving takes, what a `kill -9` may lose stays below a second."""

_OWNER_ONLY = 0o600
_POOL_KEYS = "pool-keys"
_LOCKED_WITHIN_SECONDS = 8.0
_READ_ONLY = ("GET", "HEAD", "OPTIONS")


class MemoryInUseError(Exception):
    """Another local stack remembers in the same file."""


class CannotSaveError(Exception):
    """What is to be remembered cannot be written; the message names file and reason."""


class Memory:
    """A file with the state of some services.

    It is a SHA-256 over the rest, a newline, and JSON. Files are replaced, never changed, so what
    is there is whole, whenever the process or the machine ends.

    Args:
        file: Where it is; only its owner can read it, as it has private keys.
        services: MiniStack's modules, by name.
        pool_keys: The folder where MiniStack has the signing keys of user pools, as PEM files.
    """

    def __init__(self, file: Path, services: Mapping[str, Any], pool_keys: Path) -> None:
        self._file = file
        self._services = services
        self._pool_keys = pool_keys
        self._digest = b""
        self._changed = True
        self._lock = os.open(file.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, _OWNER_ONLY)

    def hold(self) -> None:
        """Waits for a predecessor that is still saving.

        Raises:
            MemoryInUseError: It is no predecessor, but a stack that runs.
        """
        deadline = time.monotonic() + _LOCKED_WITHIN_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise MemoryInUseError(
                        f"another local stack remembers in {self._file}; end it first"
                    ) from None
                time.sleep(0.05)
            else:
                return

    def restore(self) -> bool:
        """Gives the services what they had.

        Returns:
            False where the file cannot be used: it was put aside, under a name that begins with its
            own, and the services may have a part of it, so the process has to begin anew.
        """
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return True
        digest, _, text = content.partition(b"\n")
        try:
            if hashlib.sha256(text).hexdigest().encode() != digest:
                raise ValueError("not as it was written")
            state = json.loads(text, object_hook=persistence._json_object_hook)  # noqa: SLF001
            for name, service in self._services.items():
                service.load_persisted_state(state[name])
            self._pool_keys.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Files of former releases have none.
            for name, pem in state.get(_POOL_KEYS, {}).items():
                (self._pool_keys / name).write_text(pem)
        except Exception:  # noqa: BLE001 - whatever MiniStack makes of it, it is of no use
            now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            self._file.replace(self._file.with_name(f"{self._file.name}{PUT_ASIDE}{now}"))
            return False
        self._digest = digest
        return True

    def noticing(self, app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """The application, with requests that may change something noticed."""

        async def noticed(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if scope["type"] == "http" and scope["method"] not in _READ_ONLY:
                    self._changed = True

        return noticed

    async def keep(self) -> None:
        """Saves what has changed, for ever; raises `CannotSaveError`."""
        while True:
            await asyncio.sleep(SAVED_EVERY_SECONDS)
            if self._changed:
                self._changed = False
                # Requests change the state in this thread, so that it is whole here.
                content = self._content()
                await asyncio.to_thread(self._write, content)

    def save(self) -> None:
        """Saves what has changed; raises `CannotSaveError`."""
        self._write(self._content())

    def _content(self) -> bytes:
        state = {name: service.get_state() for name, service in self._services.items()}
        state[_POOL_KEYS] = self._read_pool_keys()
        text = json.dumps(state, default=persistence._json_default).encode()  # noqa: SLF001
        return hashlib.sha256(text).hexdigest().encode() + b"\n" + text

    def _read_pool_keys(self) -> dict[str, str]:
        keys = {}
        for file in self._pool_keys.glob("*.pem"):
            with contextlib.suppress(FileNotFoundError):  # The pool has just been deleted.
                keys[file.name] = file.read_text()
        return keys

    def _write(self, content: bytes) -> None:
        digest = content.partition(b"\n")[0]
        if digest == self._digest:
            return
        try:
            self._replace(content)
        except OSError as error:
            raise CannotSaveError(
                f"the data of the local stack cannot be saved to {self._file}: {error.strerror}"
            ) from error
        self._digest = digest

    def _replace(self, content: bytes) -> None:
        unfinished = self._file.with_suffix(".unfinished")
        with contextlib.suppress(FileNotFoundError):
            unfinished.unlink()
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._file)
