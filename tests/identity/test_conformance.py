"""The relying-party tests of the OpenID Foundation's conformance suite, as far as they are ours.

The suite (openid-certification/conformance-suite, `openid/client`) drives a browser client; what of
its tests concerns a token is a row here, under the suite's own name. What it asks of an ID token is
asked of the credential, which may as well be an access token. `NOT_OURS` has the other rows, with
the reason.
"""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.conftest import Figure
from tests.identity.clock import MovableClock
from tests.identity.conformance import (
    CLIENT,
    DISCOVERY,
    EC_KEY,
    EC_STRANGER,
    OTHER_RSA_KEY,
    RS256,
    RSA_KEY,
    STRANGER,
    UNUSABLE,
    Provider,
    World,
)
from tests.identity.key_server import as_segment, public_jwk, sign
from tests.identity.service import Answer
from tests.loopback import Response, serving


@pytest.fixture
def world() -> Iterator[World]:
    provider = Provider()
    with serving(provider.respond) as provider.issuer:
        yield World(provider, MovableClock())


def accepted(answer: Answer) -> None:
    assert answer.status == 200, answer.body
    assert answer.claims["sub"] == "alice"


def refused(answer: Answer, status: int = 401, error: str = "invalid_token") -> None:
    assert (answer.status, answer.json["error"]) == (status, error)
    assert "token" not in answer.json


def response_type_code(world: World) -> None:
    accepted(world.ask(world.provider.token()))


def signed_using_rs256(world: World) -> None:
    world.provider.keys = [RS256]
    accepted(world.ask(world.provider.token()))


def kid_absent_single(world: World) -> None:
    """One RSA key and keys of other types; none has a `kid`, nor has the token."""
    world.provider.keys = [public_jwk(RSA_KEY, use="sig"), public_jwk(EC_KEY, use="sig")]
    accepted(world.ask(world.provider.token({"alg": "RS256"})))


def kid_absent_multiple(world: World) -> None:
    """The suite lets a client refuse, or try them all; we refuse."""
    keys = (RSA_KEY, OTHER_RSA_KEY)
    world.provider.keys = [public_jwk(key, use="sig", alg="RS256") for key in keys]
    for key in keys:
        refused(world.ask(world.provider.token({"alg": "RS256"}, key)))


def unparseable_key(world: World) -> None:
    for keys in ([RS256, *UNUSABLE], [*UNUSABLE, RS256]):
        world.provider.keys = keys
        accepted(world.ask(world.provider.token()))


def key_rotation(world: World) -> None:
    """New keys after the first token: the second one needs the keys fetched again."""
    deployment = world.deploy()
    accepted(deployment.token(world.provider.token()))
    world.provider.keys = [public_jwk(OTHER_RSA_KEY, kid="rotated", alg="RS256")]
    rotated = world.provider.token({"alg": "RS256", "kid": "rotated"}, OTHER_RSA_KEY)
    accepted(deployment.token(rotated))
    assert world.provider.asked.count("/jwks") == 2
    refused(deployment.token(world.provider.token()))  # By a key that is published no more.


def key_rotation_just_before_signing(world: World) -> None:
    """The keys were fetched, then replaced, then a first token is signed."""
    deployment = world.deploy()
    forged = world.provider.token({"alg": "RS256", "kid": "rsa"}, STRANGER)
    refused(deployment.token(forged))
    assert world.provider.asked.count("/jwks") == 1
    world.provider.keys = [public_jwk(OTHER_RSA_KEY, kid="rotated", alg="RS256")]
    rotated = world.provider.token({"alg": "RS256", "kid": "rotated"}, OTHER_RSA_KEY)
    accepted(deployment.token(rotated))


def no_algorithm(world: World) -> None:
    """The suite wants it taken from a client that asked for it; nobody can ask us (RFC 8725 §3.2).

    Refused before anything is fetched.
    """
    claims = world.provider.claims()
    refused(world.ask(f"{as_segment({'alg': 'none'})}.{as_segment(claims)}."))
    assert world.provider.asked == []


def invalid_rs256(world: World) -> None:
    refused(world.ask(world.provider.token(key=STRANGER)))


def invalid_es256(world: World) -> None:
    head = {"alg": "ES256", "kid": "ec"}
    accepted(world.ask(world.provider.token(head, EC_KEY)))
    refused(world.ask(world.provider.token(head, EC_STRANGER)))


def invalid_hs256(world: World) -> None:
    """Whatever the signature is worth: no secret is shared with us."""
    body = f"{as_segment({'alg': 'HS256'})}.{as_segment(world.provider.claims())}"
    refused(world.ask(f"{body}.{as_segment(bytes(32))}"))
    assert world.provider.asked == []


def invalid_issuer(world: World) -> None:
    refused(world.ask(world.provider.token(iss=world.provider.issuer + "1")))


def missing_issuer(world: World) -> None:
    refused(world.ask(world.provider.token(without="iss")))


def invalid_audience(world: World) -> None:
    refused(world.ask(world.provider.token(aud="another-client")))


def missing_audience(world: World) -> None:
    refused(world.ask(world.provider.token(without="aud")))
    refused(world.ask(world.provider.token(without="aud"), audiences=[], clientIds=[CLIENT]))


def missing_subject(world: World) -> None:
    refused(world.ask(world.provider.token(without="sub")))


def missing_expiry(world: World) -> None:
    refused(world.ask(world.provider.token(without="exp")))


def missing_issue_time(world: World) -> None:
    """An ID token has to have it; a JWT need not (RFC 7519 §4.1.6), and `exp` bounds either."""
    accepted(world.ask(world.provider.token(without="iat")))


def userinfo_of_another(world: World) -> None:
    body = json.dumps({"sub": "alice1"}).encode()
    world.provider.userinfo = Response(200, body)
    refused(world.ask(world.provider.token(), checkSession={}))
    world.provider.userinfo = Response(200, body.replace(b"alice1", b"alice"))
    accepted(world.ask(world.provider.token(), checkSession={}))


def userinfo_signed(world: World) -> None:
    """Not understood, so nothing is proven; documented among the limits."""
    signed = sign({"alg": "RS256", "kid": "rsa"}, {"sub": "alice"}, RSA_KEY, "RS256").encode()
    world.provider.userinfo = Response(200, signed, {"Content-Type": "application/jwt"})
    answer = world.ask(world.provider.token(), checkSession={})
    refused(answer, 503, "temporarily_unavailable")


def discovered_configuration(world: World) -> None:
    accepted(world.ask(world.provider.token()))
    assert world.provider.asked == [DISCOVERY, "/jwks"]


def discovered_keys(world: World) -> None:
    """The address is made up for this test, so it must come from the document."""
    world.provider.jwks_path = "/jwks-RWXbqgCdTf"
    accepted(world.ask(world.provider.token()))


def discovered_another_issuer(world: World) -> None:
    world.provider.metadata = {"issuer": world.provider.issuer + "/invalid"}
    refused(world.ask(world.provider.token()), 503, "not_configured")
    assert world.provider.asked == [DISCOVERY]


def logout_token(world: World) -> None:
    """It tells a client of a sign-out, and signs nobody in."""
    events: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    refused(world.ask(world.provider.token(events=events)))
    typed = {"alg": "RS256", "kid": "rsa", "typ": "logout+jwt"}
    refused(world.ask(world.provider.token(typed, without="events")))


OURS: Mapping[str, Callable[[World], None]] = {
    "oidcc-client-test": response_type_code,
    "oidcc-client-test-idtoken-sig-rs256": signed_using_rs256,
    "oidcc-client-test-idtoken-sig-none": no_algorithm,
    "oidcc-client-test-kid-absent-single-jwks": kid_absent_single,
    "oidcc-client-test-kid-absent-multiple-jwks": kid_absent_multiple,
    "oidcc-client-test-ignores-unparseable-key-in-jwks": unparseable_key,
    "oidcc-client-test-signing-key-rotation": key_rotation,
    "oidcc-client-test-signing-key-rotation-just-before-signing": key_rotation_just_before_signing,
    "oidcc-client-test-invalid-sig-rs256": invalid_rs256,
    "oidcc-client-test-invalid-sig-es256": invalid_es256,
    "oidcc-client-test-invalid-sig-hs256": invalid_hs256,
    "oidcc-client-test-invalid-iss": invalid_issuer,
    "oidcc-client-test-invalid-aud": invalid_audience,
    "oidcc-client-test-missing-aud": missing_audience,
    "oidcc-client-test-missing-sub": missing_subject,
    "oidcc-client-test-missing-iat": missing_issue_time,
    "oidcc-client-test-userinfo-invalid-sub": userinfo_of_another,
    "oidcc-client-test-userinfo-signed": userinfo_signed,
    "oidcc-client-test-discovery-openid-config": discovered_configuration,
    "oidcc-client-test-discovery-jwks-uri-keys": discovered_keys,
    "oidcc-client-test-discovery-issuer-mismatch": discovered_another_issuer,
    # The suite has no test for these two; RFC 7519 and OpenID Connect Core §2 have the rule.
    "(no iss)": missing_issuer,
    "(no exp)": missing_expiry,
    # The suite sends it to a client's logout endpoint, where it belongs.
    "(a logout token as credential)": logout_token,
}

_FLOW = "the app signs in, not this service: nonce, code and state are checked there"
_HASH = (
    "ties an ID token to what came with it from the authorization endpoint, in the app's sign-in"
)
_REFRESH = "the app refreshes its tokens; each new one is judged here like the first"
_USERINFO = "claims come from the token alone; userinfo is asked only whether the session lives"
_LOGOUT = "no sessions are kept that could be ended; checkSession asks instead"

NOT_OURS = {
    "oidcc-client-test-nonce-invalid": _FLOW,
    "oidcc-client-test-nonce-unless-code-flow": _FLOW,
    "oidcc-client-test-form-post-error": _FLOW,
    "oidcc-client-test-client-secret-basic": _FLOW,
    "oidcc-client-test-invalid-athash": _HASH,
    "oidcc-client-test-missing-athash": _HASH,
    "oidcc-client-test-invalid-chash": _HASH,
    "oidcc-client-test-missing-chash": _HASH,
    "oidcc-client-test-refresh-token": _REFRESH,
    "oidcc-client-test-refresh-token-invalid-aud": _REFRESH,
    "oidcc-client-test-refresh-token-invalid-azp": _REFRESH,
    "oidcc-client-test-refresh-token-invalid-issuer": _REFRESH,
    "oidcc-client-test-refresh-token-invalid-sub": _REFRESH,
    "oidcc-client-test-scope-userinfo-claims": _USERINFO,
    "oidcc-client-test-aggregated-claims": _USERINFO,
    "oidcc-client-test-distributed-claims": _USERINFO,
    "oidcc-client-test-userinfo-bearer-header": "the only way in which userinfo is asked here",
    "oidcc-client-test-userinfo-bearer-body": "an alternative of userinfo-bearer-header",
    "oidcc-client-test-discovery-webfinger-acct": "the issuer is configured, not looked up",
    "oidcc-client-test-discovery-webfinger-url": "the issuer is configured, not looked up",
    "oidcc-client-test-dynamic-registration": "this service is no client of the provider",
    "oidcc-client-test-rp-init-logout": _LOGOUT,
    "oidcc-client-test-session-management": _LOGOUT,
}


@pytest.mark.parametrize("name", OURS)
def test_what_the_conformance_suite_asks_of_a_token(
    name: str, world: World, figure: Figure
) -> None:
    OURS[name](world)
    figure("rows of the OpenID conformance suite for tokens", 1)


def test_every_other_row_says_why_it_is_not_ours() -> None:
    assert OURS.keys().isdisjoint(NOT_OURS)
    assert all(NOT_OURS.values())
