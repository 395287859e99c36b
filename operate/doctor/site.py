"""What doctor looks at: one deployed stack, each part of it asked for once."""

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from operate.doctor.asking import Answer, NoAnswerError, ask
from operate.doctor.published_keys import KeySetError, PublishedKey, read_key_set
from operate.errors import OperatorError
from operate.key_ring import KeyRing, Status
from operate.refusals import explained
from operate.stacks import Stack

T = TypeVar("T")

PATIENCE = 8.0
"""Seconds: more than the functions take by themselves, less than doctor takes in all."""


class Once(Generic[T]):
    """A result, or a failure, that whoever comes first works out for all."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._results: list[T] = []
        self._failure: Exception | None = None

    def __call__(self) -> T:
        """The result; raises what the work raised."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if not self._results:
                try:
                    self._results.append(self._work())
                except Exception as failure:
                    self._failure = failure
                    raise
            return self._results[0]


class Site:
    """One deployed stack.

    Attributes:
        stack: Which one.
        outputs: What its deployment told.
        clock: Epoch seconds by this machine.
        patience: Seconds that one answer is waited for.
        jwks: The JWKS as it is served; raises `NoAnswerError`.
        ring: The keys, as the rotate function tells; raises `OperatorError`.
    """

    def __init__(
        self, stack: Stack, clock: Callable[[], float], patience: float = PATIENCE
    ) -> None:
        """`patience` is how many seconds one answer is waited for."""
        self.stack = stack
        self.outputs = stack.outputs
        self.clock = clock
        self.patience = patience
        self._clients = threading.Lock()
        self.jwks: Once[Answer] = Once(self._fetch_jwks)
        self.ring: Once[Status] = Once(self._ask_rotate)
        self._tokens: dict[str, Once[str]] = {}
        self._functions: dict[str, Once[Mapping[str, Any]]] = {
            name: Once(lambda name=name: self._configuration(name))  # type: ignore[misc]
            for name in ("auth", "rotate", "jwks", "auth-anonymous")
        }

    @property
    def prefix(self) -> str:
        """What the names of the stack's resources begin with."""
        return self.stack.rotate_function.removesuffix("rotate")

    @property
    def audiences(self) -> list[str]:
        """What `aud` of this stack's tokens is, and should be at PowerSync."""
        return [str(audience) for audience in self.outputs.get("audience") or []]

    def client(self, service: str) -> Any:
        """A boto3 client; a session is not safe to make them from in several threads."""
        with self._clients:
            return self.stack.client(service)

    def function(self, name: str) -> Mapping[str, Any]:
        """What Lambda tells about a function, such as `auth`; raises `OperatorError`."""
        return self._functions[name]()

    def environment(self, name: str) -> Mapping[str, str]:
        """The environment variables of a function; raises `OperatorError`."""
        variables: Mapping[str, str] = self.function(name)["Environment"]["Variables"]
        return variables

    def token(self, kind: str, fetch: Callable[[], str]) -> str:
        """A token of this kind, which is fetched once; raises what `fetch` raises."""
        with self._clients:
            once = self._tokens.setdefault(kind, Once(fetch))
        return once()

    def reached(self, output: str) -> tuple[str, dict[str, str]]:
        """A URL among the outputs and the headers to ask it with.

        A custom domain leads nowhere on the embedded AWS: its address is asked in its name.
        """
        url = str(self.outputs[output])
        target = self.outputs.get("custom_domain_target") if self.stack.is_local else None
        if not target:
            return url, {}
        _, _, rest = url.partition("://")
        domain, _, path = rest.partition("/")
        return f"http://{target}/{path}", {"Host": domain}

    def published(self) -> list[PublishedKey] | KeySetError:
        """The JWKS by PowerSync's rules, or why it gets no keys; raises `NoAnswerError`."""
        answer = self.jwks()
        if not 200 <= answer.status < 300:
            return KeySetError("PSYNC_S2204", f"status {answer.status}")
        try:
            return read_key_set(json.loads(answer.body))
        except KeySetError as error:
            return error
        except ValueError:
            return KeySetError("PSYNC_S2204", "it is no JSON")

    def prepare(self) -> None:
        """Fetch the JWKS; a failure is told to whoever asks for it next."""
        with contextlib.suppress(NoAnswerError):
            self.jwks()

    def _fetch_jwks(self) -> Answer:
        url, headers = self.reached("jwks_uri")
        return ask(url, headers, time_limit=self.patience)

    def _ask_rotate(self) -> Status:
        with self._clients:
            ring = KeyRing(self.stack)
        return ring.status()

    def _configuration(self, name: str) -> Mapping[str, Any]:
        with explained("lambda"):
            told: Mapping[str, Any] = self.client("lambda").get_function_configuration(
                FunctionName=self.prefix + name
            )
        if "Environment" not in told:
            raise OperatorError(f"the function {self.prefix}{name} has no environment variables")
        return told
