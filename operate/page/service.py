"""What the page asks of the stack that it shows: the operators' commands, as values."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from operate.doctor.powersync_rules import judge
from operate.doctor.site import Site
from operate.doctor.token_checks import NoTokenError, local_login, verdict_check
from operate.errors import OperatorError
from operate.key_ring import KeyRing, Status
from operate.logs import FunctionLogs
from operate.page.claims import explained_claims, explained_header
from operate.page.snippets import snippets
from operate.stacks import ROOT, local_stack_of
from operate.tokens import issue, parsed_claims, token_settings

SHORT_TIMES = ROOT / "examples" / "short-times.yaml"

FORMER_CONFIG = "LOCAL_CONFIG_BEFORE"
"""The environment variable with what LOCAL_CONFIG was before the short times."""


class PageService:
    """One stack, for the page; what it does with the keys it does one after the other.

    Every method raises `OperatorError` for what cannot be done.
    """

    def __init__(self, outputs: Mapping[str, Any], restart: Callable[[str], None]) -> None:
        """Args: the stack's outputs, and what starts it anew with another configuration file."""
        self._outputs = outputs
        self._restart = restart
        self._stack = local_stack_of(outputs)
        self._ring = KeyRing(self._stack)
        self._lock = threading.Lock()
        self.logs = FunctionLogs(self._stack)

    def about(self) -> dict[str, Any]:
        """What the stack is: URLs, times, its user, and what to copy of it."""
        with self._lock:
            site = self._site()
            auth, rotate = site.environment("auth"), site.environment("rotate")
        local, anonymous = self._outputs["local"], self._outputs.get("anonymous_token_url")
        return {
            # Under this page's own origin, also where the stack has a custom domain.
            "token_path": urlsplit(self._outputs["token_url"]).path,
            "anonymous_token_path": urlsplit(anonymous).path if anonymous else None,
            "username": local["username"],
            "can_sign_in": bool(local["password"]),
            "verifier_cache": int(rotate["VERIFIER_CACHE_SECONDS"]),
            "jwks_max_age": int(rotate["JWKS_MAX_AGE_SECONDS"]),
            "publish_before_signing": int(rotate["PUBLISH_BEFORE_SIGNING_SECONDS"]),
            "retain_after_signing": int(rotate["RETAIN_AFTER_SIGNING_SECONDS"]),
            "keyring_cache": int(auth["KEYRING_CACHE_SECONDS"]),
            "config_file": _named(local["config_file"]),
            "has_short_times": self._has_short_times(),
            "snippets": [asdict(snippet) for snippet in snippets(self._outputs)],
        }

    def keys(self) -> Mapping[str, Any]:
        """The signing keys, as the rotate function tells."""
        with self._lock:
            return self._ring.status().document

    def rotate(self) -> dict[str, Any]:
        """Lets the next key sign, if that may be by now."""
        with self._lock:
            rotated = self._ring.rotate(lambda _: None)
            return {"rotated": rotated, "status": self._ring.status().document}

    def revoke(self, kid: str | None) -> dict[str, Any]:
        """Takes a key, or all of them for None, out of use, and has the functions forget it."""
        with self._lock:
            told = self._ring.revoke(kid)
            restarted, left = self._ring.restart_functions()
            status: Status = self._ring.status()
        return {**told, "restarted": restarted, "not_restarted": left, "status": status.document}

    def login(self) -> str:
        """The login token of the ready-made user."""
        if not self._outputs["local"]["password"]:
            raise OperatorError("there is no user whose password is known")
        try:
            with self._lock:
                return local_login(self._site())
        except NoTokenError as error:
            raise OperatorError(f"{error.check.seen}; {error.check.do}") from error

    def token_as(self, sub: str, role: str, claims: str) -> str:
        """A token as anybody, signed with the key that signs now; see `operate.tokens`."""
        with self._lock:
            settings = token_settings(self._stack)
            made = issue(self._stack, settings, sub, role, parsed_claims(claims or "{}"))
        return made.encoded

    def verdict(self, token: str) -> dict[str, Any]:
        """What is in a token, and what PowerSync says to it."""
        with self._lock:
            site = self._site()
            check = verdict_check(site, token)
            states = {str(key["kid"]): str(key["state"]) for key in site.ring().keys}
        taken_apart = judge(token, [], site.audiences, site.clock())
        return {
            "check": check.document(),
            "header": explained_header(taken_apart.header, states),
            "claims": explained_claims(taken_apart.claims, site.clock()),
        }

    def restart(self, with_short_times: bool) -> dict[str, bool]:
        """Starts the stack anew, with short times or as it was before; returns whether it does."""
        if with_short_times == self._has_short_times():
            return {"restarting": False}
        if with_short_times:
            os.environ[FORMER_CONFIG] = self._outputs["local"]["config_file"]
            self._restart(str(SHORT_TIMES))
        else:
            self._restart(os.environ.pop(FORMER_CONFIG, ""))
        return {"restarting": True}

    def _has_short_times(self) -> bool:
        file = self._outputs["local"]["config_file"]
        return bool(file) and Path(file) == SHORT_TIMES

    def _site(self) -> Site:
        return Site(self._stack, time.time)


def _named(file: str) -> str:
    """A file as somebody in the repository's folder calls it."""
    path = Path(file)
    return str(path.relative_to(ROOT)) if file and path.is_relative_to(ROOT) else file
