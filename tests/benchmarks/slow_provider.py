"""Many logins at once with a slow identity provider: does the JWKS go on answering?

    PYTHONPATH=infra:lambda_src:. python -m tests.benchmarks.slow_provider [--logins 100]

Deploys to the embedded AWS a provider whose session check takes two seconds, signs users in all at
once, and asks for the JWKS all the while. What it cannot show is the account's limit: the embedded
AWS starts as many workers as it is asked for, and enforces no more than a function's reservation.
"""

import argparse
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.stack import LocalStack
from tests.identity.key_server import public_jwk
from tests.loopback import Request, Response, serving

DELAY = 2.0
"""Seconds after which the provider answers: all that a function waits for one."""
AUDIENCE = "app"
WARM_UP_DELAY = 1.0
"""Enough for the next worker to be started before the one before is free again."""
STARTED_AT_ONCE = 5
PATIENCE = 300.0
"""Seconds that a client waits; a busy machine starts a hundred workers slowly."""


@dataclass
class Asked:
    """What clients got: the statuses, and how long each answer took in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def get(self, url: str, headers: dict[str, str]) -> None:
        began = time.monotonic()
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        try:
            connection.request("GET", parts.path, headers=headers)
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        self.statuses[response.status] += 1
        self.seconds.append(time.monotonic() - began)


@dataclass(frozen=True)
class Report:
    """The JWKS before and during the logins, the logins, and how many were waited for at once."""

    before: Asked
    during: Asked
    logins: Asked
    at_once: int

    def __str__(self) -> str:
        lines = [
            f"JWKS before: {_told(self.before)}",
            f"JWKS meanwhile: {_told(self.during)}",
            f"logins: {_told(self.logins)}",
            f"logins that the provider kept waiting at once: {self.at_once}",
        ]
        return "\n".join(lines)


def _told(asked: Asked) -> str:
    statuses = ", ".join(f"{count} of {status}" for status, count in sorted(asked.statuses.items()))
    longest = max(asked.seconds, default=0.0)
    return f"{statuses}; median {median(asked.seconds):.2f} s, longest {longest:.2f} s"


class SlowProvider:
    """An identity provider whose keys are there at once and whose session check is not.

    Attributes:
        at_once: The most session checks that waited at the same time.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._keys: dict[str, object] = {"keys": [public_jwk(self._key, kid="1", alg="RS256")]}
        self._waiting = 0
        self._lock = threading.Lock()
        self.at_once = 0

    def serving(self) -> AbstractContextManager[str]:
        """Its issuer, for as long as it serves."""
        return serving(self._respond)

    def _respond(self, request: Request) -> Response:
        content: dict[str, object] = self._keys
        if request.path == "/userinfo":
            credential = request.headers["authorization"].removeprefix("Bearer ")
            claims = jwt.decode(credential, options={"verify_signature": False})
            self.wait()
            content = {"sub": claims["sub"]}
        return Response(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def begin(self, delay: float) -> None:
        """Take so many seconds from now on."""
        self._delay, self.at_once = delay, 0

    def wait(self) -> None:
        with self._lock:
            self._waiting += 1
            self.at_once = max(self.at_once, self._waiting)
        time.sleep(self._delay)
        with self._lock:
            self._waiting -= 1

    def credential(self, issuer: str, user: int) -> str:
        """A login token of one user, for an hour."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": AUDIENCE, "sub": f"user-{user}", "iat": now}
        return jwt.encode({**claims, "exp": now + 3600}, self._key, "RS256", {"kid": "1"})


def measure(logins: int, delay: float = DELAY) -> Report:
    """Deploys, asks for the JWKS, signs users in all at once, and asks for the JWKS meanwhile."""
    provider = SlowProvider(WARM_UP_DELAY)
    with provider.serving() as issuer:
        settings = {
            "issuer": issuer,
            "audiences": [AUDIENCE],
            "jwksUri": f"{issuer}/keys",
            "checkSession": {"userinfoUri": f"{issuer}/userinfo"},
        }
        with LocalStack({"identityProviders": [settings]}) as stack:
            jwks, token = stack.outputs["jwks_uri"], stack.outputs["token_url"]

            def sign_in(user: int, asked: Asked) -> None:
                bearer = f"Bearer {provider.credential(issuer, user)}"
                asked.get(token, {"Authorization": bearer})

            _warm_up(sign_in, logins)
            provider.begin(delay)
            before, during, asked = Asked(), Asked(), Asked()
            for _ in range(20):
                before.get(jwks, {})
            with ThreadPoolExecutor(logins) as pool:
                users = [pool.submit(sign_in, user, asked) for user in range(logins)]
                while not all(user.done() for user in users):
                    during.get(jwks, {})
                for user in users:
                    user.result()
    return Report(before, during, asked, provider.at_once)


def _warm_up(sign_in: Callable[[int, Asked], None], logins: int) -> None:
    """Start a worker for each login, a few at a time.

    In AWS each has a processor of its own to start on; here they would all wait for the same ones.
    """
    for parallel in range(STARTED_AT_ONCE, logins + STARTED_AT_ONCE, STARTED_AT_ONCE):
        with ThreadPoolExecutor(parallel) as pool:
            list(pool.map(lambda user: sign_in(user, Asked()), range(min(parallel, logins))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=100)
    print(measure(parser.parse_args().logins))


if __name__ == "__main__":
    main()
