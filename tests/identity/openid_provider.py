"""A real OpenID provider, and users who sign in at it as a browser does."""

import base64
import contextlib
import hashlib
import json
import re
import secrets
import subprocess
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from tests.js.verifier import JS, NODE, require_node_modules
from tests.patience import PATIENT

CALLBACK = "https://app.test/callback"


@dataclass(frozen=True)
class SignedIn:
    """A user's session in one browser."""

    browser: httpx.Client
    id_token: str
    access_token: str

    def sign_out(self) -> None:
        """End the session at the provider (RP-initiated logout)."""
        page = self.browser.get("/session/end", params={"id_token_hint": self.id_token})
        form = {"xsrf": _field("xsrf", page.text), "logout": "yes"}
        assert self.browser.post("/session/end/confirm", data=form).status_code == 303


class OpenIdProvider:
    """`identity_provider.mjs` as a process; it ends with the `with` block."""

    def __init__(self) -> None:
        require_node_modules()
        self._process = subprocess.Popen(
            [str(NODE), str(JS / "identity_provider.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.issuer: str = ready["issuer"]
        self.resource: str = ready["resource"]
        self._open = contextlib.ExitStack()
        self._control = self._open.enter_context(self._client("/control"))

    def _client(self, path: str = "") -> httpx.Client:
        return httpx.Client(base_url=self.issuer + path, timeout=PATIENT)

    def rotate(self) -> None:
        """New keys sign from now on, without having been announced; the old stay published."""
        self._control.post("/rotate")

    def break_with(self, kind: str) -> None:
        """Answer metadata, keys and userinfo with a fault; "" for none."""
        self._control.post("/fault", params={"kind": kind})

    def requests(self, path: str) -> int:
        """How often a path was asked for so far."""
        counts: dict[str, int] = self._control.get("/requests").json()
        return counts.get(path, 0)

    def sign_in(self, user: str, algorithm: str = "RS256", scope: str = "openid sync") -> SignedIn:
        """Sign in through the provider's own pages: authorization code with PKCE (RFC 7636)."""
        browser = self._open.enter_context(self._client())
        verifier = secrets.token_urlsafe(40)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        client = {"client_id": algorithm, "redirect_uri": CALLBACK, "resource": self.resource}
        request = {
            **client,
            "response_type": "code",
            "scope": scope,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        answer = browser.get("/auth", params=request)
        for _ in range(10):  # The login page, the consent page, and redirects in between.
            if answer.is_redirect and answer.headers["location"].startswith(CALLBACK):
                break
            if answer.is_redirect:
                answer = browser.get(answer.headers["location"])
            else:
                form = {"prompt": _field("prompt", answer.text), "login": user, "password": "any"}
                answer = browser.post(_match(r'action="([^"]+)"', answer.text), data=form)
        code = httpx.URL(answer.headers["location"]).params["code"]
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        tokens = browser.post("/token", data={**client, **grant}).raise_for_status().json()
        return SignedIn(browser, tokens["id_token"], tokens["access_token"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()
        with self._process as process:  # It ends with its input.
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENT)


def _field(name: str, page: str) -> str:
    return _match(rf'name="{name}" value="(\w+)"', page)


def _match(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found, f"no {pattern} in the provider's page: {page[:500]}"
    return found[1]
