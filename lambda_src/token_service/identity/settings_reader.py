"""Takes typed values out of a JSON object of the configuration, and notes all that is wrong."""

from collections.abc import Callable, Mapping, Sequence

from token_service.identity.urls import check_url


class InvalidProviderError(ValueError):
    """What is configured is no identity provider that tokens may be taken from.

    Attributes:
        mistakes: For each the path of its key, such as `[0].checkSession.kind`, and what it should
            be. No value is repeated but an issuer, as the setting may be secret.
    """

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(
            "; ".join(f"identityProviders{path}: {message}" for path, message in mistakes)
        )


class Reader:
    """One object of the configuration.

    Each method takes the value of a key, with null for absent; for a wrong value it notes the
    mistake and returns what it returns for none.

    Attributes:
        mistakes: Path and message of each, also those of the objects within.
    """

    def __init__(
        self,
        values: object,
        *,
        allow_nearby_http: bool,
        path: str = "",
        mistakes: list[tuple[str, str]] | None = None,
    ) -> None:
        self.mistakes = [] if mistakes is None else mistakes
        self._path = path
        self._allow_nearby_http = allow_nearby_http
        self._known: list[str] = []
        self._values: dict[object, object] = {}
        if isinstance(values, Mapping):
            self._values.update(values)
        else:
            self.mistakes.append((path, "should be an object"))

    def wrong(self, key: str, message: str) -> None:
        """Note a mistake; `key` may have an index."""
        self.mistakes.append((f"{self._path}.{key}", message))

    def is_wrong(self, key: str) -> bool:
        """Whether a mistake of this key, or below it, has been noted."""
        path = f"{self._path}.{key}"
        below = (f"{path}.", f"{path}[")
        return any(noted == path or noted.startswith(below) for noted, _ in self.mistakes)

    def text(self, key: str) -> str | None:
        """A string that is not empty."""
        value = self._take(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self.wrong(key, "should be a string that is not empty")
        return None

    def flag(self, key: str) -> bool:
        """True or false; false for none."""
        value = self._take(key)
        if not isinstance(value, bool | None):
            self.wrong(key, "should be true or false")
        return value is True

    def number(self, key: str, largest: int) -> int:
        """A whole number from 0 to `largest`; 0 for none."""
        value = self._take(key)
        if value is None:
            return 0
        if type(value) is int and 0 <= value <= largest:
            return value
        self.wrong(key, f"should be a whole number from 0 to {largest}")
        return 0

    def scalar(self, key: str) -> str | int | bool | None:
        """A string, a whole number, true or false."""
        value = self._take(key)
        if isinstance(value, str | int | None):
            return value
        self.wrong(key, "should be a string, a whole number, true or false")
        return None

    def one_of(self, key: str, choices: Sequence[str]) -> str | None:
        """One of these strings."""
        value = self._take(key)
        if value is None or (isinstance(value, str) and value in choices):
            return value
        self.wrong(key, f"should be {either(choices)}")
        return None

    def url(self, key: str, *, allow_query: bool = True) -> str | None:
        """A URL that `check_url` passes."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return check_url(
                value, allow_nearby_http=self._allow_nearby_http, allow_query=allow_query
            )
        except ValueError as error:
            self.wrong(key, str(error))
            return None

    def texts(
        self, key: str, check: Callable[[str], None] = lambda _: None, *, least: int = 0
    ) -> tuple[str, ...]:
        """A list of strings, none empty, each of which passes `check`; () for none.

        A list that is given has `least` items.
        """
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) < least:
            self.wrong(key, "should be a list" + (f" of at least {least}" if least else ""))
            return ()
        for index, text in enumerate(value):
            try:
                if not isinstance(text, str) or not text:
                    raise ValueError("should be a string that is not empty")
                check(text)
            except ValueError as error:
                self.wrong(f"{key}[{index}]", str(error))
        return () if self.is_wrong(key) else tuple(value)

    def text_map(self, key: str) -> Mapping[str, str]:
        """An object of strings, neither names nor values empty; {} for none."""
        value = self._take(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.wrong(key, "should be an object")
            return {}
        for name, text in value.items():
            if not isinstance(name, str) or not name or not isinstance(text, str) or not text:
                self.wrong(f"{key}.{name}", "should be a string that is not empty")
        return {} if self.is_wrong(key) else dict(value)

    def section(self, key: str) -> "Reader | None":
        """An object within this one; its mistakes are noted here too."""
        value = self._take(key)
        if value is not None and not isinstance(value, Mapping):
            self.wrong(key, "should be an object")
        if not isinstance(value, Mapping):
            return None
        return Reader(
            value,
            allow_nearby_http=self._allow_nearby_http,
            path=f"{self._path}.{key}",
            mistakes=self.mistakes,
        )

    def finish(self) -> frozenset[str]:
        """Note every key that nobody asked for; returns the keys that seem to be meant by them."""
        meant = set()
        for key in sorted(map(str, self._values)):
            close = [known for known in self._known if _spelling(known) == _spelling(key)]
            self.wrong(key, f"no such key: did you mean {close[0]}?" if close else "no such key")
            meant.update(close)
        return frozenset(meant)

    def _take(self, key: str) -> object:
        self._known.append(key)
        return self._values.pop(key, None)


def either(choices: Sequence[str]) -> str:
    """The choices in words, for a message."""
    *others, last = (repr(choice) for choice in choices)
    return f"{', '.join(others)} or {last}"


def _spelling(key: str) -> str:
    """What spellings of one name have in common: `jwks_uri` and `jwksUri`, `audience` and
    `audiences`.
    """
    return key.replace("_", "").replace("-", "").casefold().removesuffix("s")
