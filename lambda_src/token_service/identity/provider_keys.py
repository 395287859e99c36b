"""An identity provider's metadata and keys: fetched when needed, cached, kept through an outage."""

import logging
import math
import threading
from collections.abc import Callable, Mapping

from token_service.identity.credentials import (
    InvalidCredentialError,
    NotAnObjectError,
    parse_json_object,
)
from token_service.identity.provider_http import (
    RETRY_INTERVAL,
    IdentityProviderUnavailableError,
    MisconfiguredProviderError,
    Outage,
    send_request,
)
from token_service.identity.urls import check_url
from token_service.identity.verification import (
    KeySet,
    UnusableKeyError,
    VerificationKey,
    read_key_set,
)

_log = logging.getLogger(__name__)

FRESH_FOR = 600
"""Seconds for which fetched keys are used without asking again."""

KEPT_FOR = 86_400
"""Seconds for which keys are used while the provider is out of reach. Bounded, as a key that the
provider has withdrawn meanwhile would still be believed."""

UNKNOWN_KID_INTERVAL = 30
"""Seconds in which tokens whose key is unknown, however many and whoever's, cause one fetch."""


class ProviderMetadata:
    """A provider's discovery document (OpenID Connect Discovery §4), read when first needed."""

    def __init__(self, issuer: str, clock: Callable[[], float], *, allow_nearby_http: bool) -> None:
        self._issuer = issuer
        self._clock = clock
        self._allow_nearby_http = allow_nearby_http
        self._document: Mapping[str, object] = {}
        self._read_at = -math.inf

    def endpoint(self, name: str) -> str:
        """The URL under `name`, such as `jwks_uri`; kept for a day.

        Raises `IdentityProviderUnavailableError`; where the document shows that it is not the one
        of this issuer, or names no such URL, `MisconfiguredProviderError`.
        """
        if self._clock() - self._read_at >= KEPT_FOR:
            url = self._issuer.removesuffix("/") + "/.well-known/openid-configuration"
            document = fetch_json(url, "check its issuer, or set jwksUri")
            if document.get("issuer") != self._issuer:
                named = ascii(document.get("issuer"))[:200]
                raise MisconfiguredProviderError(
                    f"its discovery document names another issuer, {named}: set issuer to what its"
                    " tokens have as iss"
                )
            self._document, self._read_at = document, self._clock()
        endpoint = self._document.get(name)
        if not isinstance(endpoint, str):
            raise MisconfiguredProviderError(f"its discovery document has no {name}")
        try:
            return check_url(endpoint, allow_nearby_http=self._allow_nearby_http)
        except ValueError as error:
            raise MisconfiguredProviderError(f"its {name} {error}") from None

    def forget(self) -> None:
        """Read the document again next time: what it named did not work."""
        self._read_at = -math.inf


class ProviderKeys:
    """The keys of one identity provider.

    Args:
        provider: The provider's name, for the log.
        jwks_uri: Gives the URL of the key set; asked before each fetch.
        issuer: Whose keys they are; a key that says it is for another issuer is left out.
        algorithms: The allowed algorithms; None for the default of each key.
        on_failure: Called after a fetch that failed, where the URL itself may have become wrong;
            None where it is configured, so that nothing at it is a mistake.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        provider: str,
        jwks_uri: Callable[[], str],
        *,
        issuer: str,
        algorithms: frozenset[str] | None,
        on_failure: Callable[[], None] | None,
        clock: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._jwks_uri = jwks_uri
        self._issuer = issuer
        self._algorithms = algorithms
        self._on_failure = on_failure
        self._clock = clock
        self._lock = threading.Lock()
        self._keys = KeySet()
        self._fetched_at = -math.inf
        self._outage: Outage | None = None
        self._unknown_at = -math.inf

    def find(self, kid: str) -> VerificationKey | None:
        """The key with this `kid`; None if the provider did not publish one when it was last asked.

        For an unknown `kid` that is up to `UNKNOWN_KID_INTERVAL` ago, so the first tokens by a key
        that was not announced may find none. Raises `IdentityProviderUnavailableError` if the
        provider was asked and could not tell.
        """
        return self._find(lambda keys: keys.by_kid.get(kid))

    def find_only(
        self, alg: str, *, instead_of: VerificationKey | None = None
    ) -> VerificationKey | None:
        """The one key for tokens of this algorithm that name no `kid`; None if there is any doubt.

        A key that has turned out not to be the one is given as `instead_of`, and is unknown then.
        Waits and raises like `find`.
        """

        def only(keys: KeySet) -> VerificationKey | None:
            key = keys.only(alg)
            return None if key == instead_of else key

        return self._find(only)

    def _find(self, look_up: Callable[[KeySet], VerificationKey | None]) -> VerificationKey | None:
        key = look_up(self._keys)
        if key is not None and self._clock() - self._fetched_at < FRESH_FOR:
            return key
        # One fetch at a time. Whoever has a key at hand does not wait for somebody else's fetch.
        if self._lock.acquire(blocking=key is None):
            try:
                self._refresh(look_up)
            finally:
                self._lock.release()
        now = self._clock()
        key = look_up(self._keys) if now - self._fetched_at < KEPT_FOR else None
        if key is None and self._outage is not None:
            raise self._outage.error(now)
        return key

    def _refresh(self, look_up: Callable[[KeySet], VerificationKey | None]) -> None:
        """Fetch the keys if they are due, or if one is unknown and may be asked for."""
        now = self._clock()
        if self._outage is not None and self._outage.lasts(now):
            return
        stale = now - self._fetched_at >= FRESH_FOR
        known = look_up(self._keys) is not None
        if not stale and (known or now - self._unknown_at < UNKNOWN_KID_INTERVAL):
            return
        try:
            self._keys = self._fetch()
        except IdentityProviderUnavailableError as error:
            _log.warning("%s: keys not fetched: %s", self._provider, error)
            wait = RETRY_INTERVAL if stale else UNKNOWN_KID_INTERVAL
            self._outage = Outage(error, self._clock() + wait)
            if self._on_failure is not None:
                self._on_failure()
        else:
            self._outage, self._fetched_at = None, self._clock()
            if look_up(self._keys) is None:
                self._unknown_at = self._fetched_at

    def _fetch(self) -> KeySet:
        # What was discovered may have moved; what is configured is wrong if nothing is there.
        remedy = "check jwksUri" if self._on_failure is None else None
        document = fetch_json(self._jwks_uri(), remedy)
        try:
            return read_key_set(document, self._algorithms, self._provider, self._issuer)
        except UnusableKeyError as error:
            raise MisconfiguredProviderError(f"its key set: {error}") from None


def fetch_json(url: str, remedy: str | None = None) -> Mapping[str, object]:
    """GET a JSON object; raises `IdentityProviderUnavailableError` for any other answer.

    JSON that is no object, and where a `remedy` is given a status that says that nothing is there,
    are `MisconfiguredProviderError`.
    """
    response = send_request(url)
    if response.is_lasting_refusal and remedy is not None:
        raise MisconfiguredProviderError(f"{url} answered with status {response.status}: {remedy}")
    if response.status != 200:
        raise response.unexpected(url)
    try:
        return parse_json_object(response.body, url)
    except NotAnObjectError as error:
        raise MisconfiguredProviderError(f"{error}, as a JWKS and metadata are") from None
    except InvalidCredentialError as error:
        raise IdentityProviderUnavailableError(str(error)) from None
