"""Reading claims: by path, as the lists of words that several of them are, and with reasons."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile


def claim_at(claims: object, path: str) -> object:
    """What is at a path of names with dots between them; None if nothing is, or null.

    Names have dots of their own (`https://example.com/roles`, Keycloak's clients), so the longest
    one that leads anywhere is taken: the whole path first, then ever less of it.
    """
    if not isinstance(claims, dict):
        return None
    value = claims.get(path)
    end = path.rfind(".")
    while value is None and end >= 0:
        value = claim_at(claims.get(path[:end]), path[end + 1 :])
        end = path.rfind(".", 0, end)
    return value


def client_id(claims: Mapping[str, object]) -> object:
    """The client that a token was made for.

    `client_id` (RFC 9068 §2.2, Cognito), `azp` (OpenID Connect Core §2), Entra's `appid` or Okta's
    `cid`; an ID token without any of them has the client as its only audience.
    """
    for name in ("client_id", "azp", "appid", "cid"):
        if name in claims:
            value = claims[name]
            return value if isinstance(value, str) else None
    audiences = texts(claims.get("aud"))
    return audiences[0] if len(audiences) == 1 else None


def texts(value: object) -> Sequence[str]:
    """A claim that is a string or a list of strings; anything else counts as absent."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return []


def words(value: object) -> Sequence[str]:
    """Scopes: one string with spaces between them (RFC 8693 §4.2), or a list."""
    return value.split(" ") if isinstance(value, str) else texts(value)


def claim_fault(name: str, value: object) -> str:
    """Why this value is not the text that a claim has to be."""
    if value is None:
        return f"no claim {name}"
    if value == "":
        return f"the claim {name} is empty"
    kind = _KINDS.get(type(value))
    if kind is not None:
        return f"the claim {name} is {kind}, not a string"
    return f"the claim {name} has characters that cannot be printed"


def nearest(text: str, others: Iterable[str]) -> str | None:
    """Which of the others begins most like this text, apart from case, scheme and slashes."""
    begins = _without_trifles(text)

    def likeness(other: str) -> int:
        pairs = zip(begins, _without_trifles(other), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    return max(others, key=likeness, default=None)


_KINDS = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}


def _without_trifles(url: str) -> str:
    return url.casefold().rpartition("://")[2].rstrip("/")
