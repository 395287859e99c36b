"""What the local stack tells: its outputs as a file, and what to do next as text."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_OWNER_ONLY = 0o600
_READ_SIGN_IN = 'import json, sys; print(json.load(sys.stdin)["AuthenticationResult"]["IdToken"])'


_ROTATION = """\
A rotation within two minutes: LOCAL_CONFIG=examples/short-times.yaml make local, then
- make token SUB=user-1 JSON=1   (its kid is that of the key that signs; see make keys)
- sleep 20; make rotate          (the next key signs; the former one stays published)
- make token SUB=user-1 JSON=1   (another kid; PowerSync accepts both tokens)"""

_FIRST = ("jwks_uri", "token_url", "anonymous_token_url", "issuer", "audience")


class OutputsFileError(Exception):
    """The outputs cannot be written where they should be; the message says why."""


class OutputsFiles:
    """Where the outputs are written.

    `.local/outputs.json` is that of the stack started last; each has one of its own beside it,
    `.local/PORT/outputs.json`, so that two stacks can be told apart.

    Attributes:
        main: The file to point the user to.
    """

    def __init__(self, folder: Path, port: int, path: str | None = None) -> None:
        """Finds out at once whether they can be written, and writes nothing yet.

        Args:
            folder: Where they are, if no other place is given.
            port: The port of the stack.
            path: The only file to write, instead; its folder is made if need be.

        Raises:
            OutputsFileError: They cannot be written there.
        """
        self._own_folder = folder / str(port)
        self.main = Path(path) if path else folder / "outputs.json"
        self._files = [self.main] if path else [self._own_folder / "outputs.json", self.main]
        for file in self._files:
            with _named(file):
                _refuse_unusable(file)

    @contextmanager
    def written(self, outputs: Mapping[str, Any]) -> Iterator[None]:
        """Writes the files, and removes them afterwards: they would be wrong then.

        Raises:
            OutputsFileError: They cannot be written.
        """
        text = json.dumps(outputs, indent=2) + "\n"
        try:
            for file in self._files:
                with _named(file):
                    _replace(file, text)
            yield
        finally:
            for file in self._files:
                if file.is_file() and file.read_bytes() == text.encode():
                    file.unlink()
            with suppress(OSError):  # It is not there, or not empty.
                self._own_folder.rmdir()


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OutputsFileError(f"the outputs cannot be written to {file}: {reason}") from error


def _refuse_unusable(file: Path) -> None:
    if file.is_dir():
        raise OSError(f"it is a folder; name a file: LOCAL_OUTPUTS={file / 'outputs.json'}")
    if file.exists() and not file.is_file():
        raise OSError("it is there, and is not a file")
    folder = next(folder for folder in file.absolute().parents if folder.exists())
    if not folder.is_dir():
        raise OSError(f"{folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f"{folder} may not be written to")


def _replace(file: Path, text: str) -> None:
    """Writes a file at once, readable by its owner only: it has the user's password."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{id(text)}.tmp")
    unfinished.touch(_OWNER_ONLY)
    unfinished.write_text(text, "utf-8")
    unfinished.replace(file)


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines for a shell, and what they do."""

    title: str
    lines: Sequence[str]


def commands(outputs: Mapping[str, Any]) -> list[Commands]:
    """What can be asked of the stack with curl, as it stands."""
    local = outputs["local"]
    found = [Commands("The public keys", [f"curl -s {_reached(outputs, 'jwks_uri')}"])]
    if outputs.get("anonymous_token_url"):
        asked = f"curl -s -X POST {_reached(outputs, 'anonymous_token_url')}"
        found.append(Commands("A token for an anonymous user", [asked]))
    if local["password"]:
        title = f"Sign {local['username']} in, then get a token for PowerSync"
        found.append(Commands(title, _sign_in(local, outputs)))
    return found


def what_next(outputs: Mapping[str, Any], file: Path, page: str = "") -> str:
    """The outputs and what to do with them, with commands that work as they stand.

    Args:
        outputs: Of the stack.
        file: Where they are.
        page: Where the stack can be looked at in a browser; empty for nowhere.
    """
    width = max(len(name) for name in outputs)
    lines = ["", "The local stack is up.", ""]
    for name in sorted(outputs.keys() - {"local"}, key=_order):
        value = outputs[name]
        first, *more = (value if isinstance(value, str) else json.dumps(value)).splitlines()
        lines.append(f"  {name:{width}}  {first}")
        lines += [f"  {'':{width}}  {line}" for line in more]
    lines += _custom_domain(outputs)
    for each in commands(outputs):
        lines += ["", f"{each.title}:", *(f"  {line}" for line in each.lines)]
    lines += ["", _ROTATION]
    if page:
        lines += ["", f"To look rather than read, open {page} in a browser on this machine."]
    lines += ["", "Keys and users are kept for the next start; FRESH=1 make local begins anew."]
    lines += [f"The outputs are in {file}. Ctrl-C ends it.", ""]
    return "\n".join(lines)


def _custom_domain(outputs: Mapping[str, Any]) -> list[str]:
    """What does not work with a custom domain; nothing where there is none."""
    if "custom_domain_target" not in outputs:
        return []
    domain, target = urlsplit(outputs["issuer"]).netloc, outputs["custom_domain_target"]
    return [
        "",
        f"{domain} leads nowhere on this machine: the commands below ask {target} in its name.",
        "It is not served with HTTPS, so PowerSync cannot fetch the keys from the jwks_uri.",
    ]


def _reached(outputs: Mapping[str, Any], name: str) -> str:
    """How curl gets to the URL that is an output."""
    url, target = outputs[name], outputs.get("custom_domain_target")
    if target is None:
        return str(url)
    _, domain, path, *_ = urlsplit(url)
    return f"-H 'Host: {domain}' http://{target}{path}"


def _order(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _sign_in(local: Mapping[str, str], outputs: Mapping[str, Any]) -> list[str]:
    token_url = _reached(outputs, "token_url")
    door = token_url.removesuffix(urlsplit(outputs["token_url"]).path)
    request = json.dumps(
        {
            "AuthFlow": "USER_PASSWORD_AUTH",
            "ClientId": local["client_id"],
            "AuthParameters": {"USERNAME": local["username"], "PASSWORD": local["password"]},
        }
    )
    return [
        f"ID_TOKEN=$(curl -s {door} \\",
        "  -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' \\",
        "  -H 'Content-Type: application/x-amz-json-1.1' \\",
        f"  -d {shlex.quote(request)} | \\",
        f"  python3 -c {shlex.quote(_READ_SIGN_IN)})",
        f'curl -s -X POST {token_url} -H "Authorization: Bearer $ID_TOKEN"',
    ]
