"""Forms of login tokens that the standards allow and providers send, at the deployed stack."""

import time
from collections.abc import Iterator

import httpx
import pytest

from local.stack import LocalStack
from tests.identity.forgery import CLIENT, PROVIDER, RSA_KEY, claims, header, raw_claims
from tests.identity.key_server import KeyServer, public_jwk, sign
from tests.js.verifier import PowerSyncInstance
from tests.patience import PATIENT


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """It trusts a provider with one key."""
    with KeyServer(keys=[public_jwk(RSA_KEY, kid="rsa", alg="RS256")]) as server:
        item = {"issuer": PROVIDER, "jwksUri": server.uri, "audiences": [CLIENT]}
        with LocalStack({"identityProviders": [item]}) as deployed:
            yield deployed


def without_kid() -> dict[str, object]:
    return {name: value for name, value in header().items() if name != "kid"}


FORMS = {
    "times with a fraction (RFC 7519 §2)": (
        header(),
        raw_claims(iat=f"{time.time() - 5:.3f}", exp=f"{time.time() + 7200:.1f}"),
    ),
    "times with an exponent (RFC 7519 §2)": (header(), raw_claims(exp="2.5e9")),
    "no kid, and one key (RFC 7515 §4.1.4)": (without_kid(), claims()),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_that_the_standards_allow_gets_a_token(form: str, stack: LocalStack) -> None:
    credential = sign(*FORMS[form], RSA_KEY, "RS256")
    answer = httpx.get(
        stack.outputs["token_url"],
        headers={"Authorization": f"Bearer {credential}"},
        timeout=PATIENT,
    )
    assert answer.status_code == 200, answer.text
    with PowerSyncInstance(stack.outputs["jwks_uri"], stack.outputs["audience"]) as powersync:
        assert powersync.verify(answer.json()["token"]).ok
