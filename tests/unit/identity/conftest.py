"""An identity provider's key server on loopback."""

from collections.abc import Iterator

import pytest

from tests.identity.clock import MovableClock
from tests.identity.key_server import KeyServer, public_jwk
from tests.patience import PATIENT
from tests.unit.identity.acme import KEY as ACME_KEY
from tests.unit.identity.acme import provider_keys
from tests.unit.identity.session_provider import KEY, Authenticate, providers, token
from tests.unit.identity.stand_in import KEYS
from token_service.identity import provider_http
from token_service.identity.provider_keys import ProviderKeys
from token_service.identity.providers import Caller, IdentityProviders


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider that answers is given up on a busy machine."""
    monkeypatch.setattr(provider_http, "TIME_LIMIT", PATIENT)


@pytest.fixture(scope="module")
def server() -> Iterator[KeyServer]:
    """Serves the keys of the stand-in."""
    with KeyServer(keys=KEYS) as server:
        yield server


@pytest.fixture(scope="module")
def session_keys() -> Iterator[KeyServer]:
    with KeyServer(keys=[public_jwk(KEY, kid="k", alg="ES256")]) as server:
        yield server


@pytest.fixture
def sessions() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def acme() -> Iterator[KeyServer]:
    """Serves one of the two keys of `acme.py`."""
    with KeyServer(keys=[ACME_KEY]) as server:
        yield server


@pytest.fixture
def keys(acme: KeyServer, clock: MovableClock) -> ProviderKeys:
    return provider_keys(lambda: acme.uri, clock)


@pytest.fixture
def authenticate(session_keys: KeyServer, sessions: KeyServer, clock: MovableClock) -> Authenticate:
    built: dict[str, IdentityProviders] = {}

    def authenticate(credential: str | None = None, **check: object) -> Caller:
        if str(check) not in built:
            built[str(check)] = providers(
                clock, jwksUri=session_keys.uri, checkSession={"userinfoUri": sessions.uri, **check}
            )
        return built[str(check)].authenticate(credential or token())

    return authenticate
