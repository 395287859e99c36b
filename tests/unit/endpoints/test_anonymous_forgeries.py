"""Tokens that prove no subject: forged, edited, taken from elsewhere."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.unit.endpoints.devices import (
    DAY,
    INSTANCE,
    ISSUER,
    NOW,
    device_token,
    make_key,
    powersync_token,
    signed,
)
from token_service.endpoints.anonymous import AnonymousSubjects
from token_service.keys import keyring
from token_service.keys.jwk import segment
from token_service.keys.keyring import KeyRing
from token_service.keys.ring_cache import ReadyRing


def with_payload(token: str, **changes: object) -> str:
    """The token with other claims under the same signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{segment({**claims, **changes}).decode()}.{signature}"


def hs256(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes) -> str:
    content = segment(header) + b"." + segment(claims)
    code = base64.urlsafe_b64encode(hmac.digest(secret, content, "sha256")).rstrip(b"=")
    return (content + b"." + code).decode()


def forged(ring: KeyRing) -> dict[str, str]:
    key, stranger = ring.current, make_key()
    good = device_token(key, "anon-5")
    header, payload, code = good.split(".")
    claims = {"iss": ISSUER, "aud": ISSUER, "sub": "anon-5", "iat": NOW, "exp": NOW + DAY}
    ours = {"alg": "HS256", "kid": key.kid, "typ": "device+jwt"}
    none = segment({**ours, "alg": "none"}).decode()
    of_powersync = powersync_token(key, "anon-5", jti="1").split(".")
    published = key.published_jwk
    return {
        "empty": "",
        "no token": "anon-5",
        "a header": header,
        "two segments": f"{header}.{payload}",
        "no claims": f"{header}..{code}",
        "not even ASCII": "é.é.é",
        "not even Unicode": f"{header}.{payload}.\ud800",
        "1 MB": "x" * 1_000_000,
        "a stranger's": device_token(stranger, "anon-5"),
        "a stranger's under our kid": device_token(replace(stranger, kid=key.kid), "anon-5"),
        "another subject under the same code": with_payload(good, sub="anon-6"),
        "a longer life under the same code": with_payload(good, exp=NOW + 99 * DAY),
        "under another key's header": ".".join(
            [device_token(ring.next, "anon-5").split(".")[0], payload, code]
        ),
        "no code": f"{header}.{payload}.",
        "half a code": f"{header}.{payload}.{code[:22]}",
        "a code in another spelling": f"{good}=",
        "a code with another ending": good[:-1] + ("B" if good[-1] != "B" else "C"),
        "alg none": f"{none}.{payload}.",
        "alg none with the code": f"{none}.{payload}.{code}",
        "two tokens": f"{good},{good}",
        **{
            f"a code by {name}": hs256(ours, claims, secret)
            for name, secret in {
                "an empty secret": b"",
                "the public key": json.dumps(published).encode(),
                "the public point": base64.urlsafe_b64decode(published["x"] + "=="),
                "the kid": key.kid.encode(),
                "the secret as text": str(key.device_secret).encode(),
            }.items()
        },
        "signed, not coded": signed(key, "device+jwt", claims),
        "signed, under the header of a coded one": ".".join(
            [header, *signed(key, "device+jwt", claims).split(".")[1:]]
        ),
        "coded, called a PowerSync token": ".".join(
            [segment({**ours, "typ": "JWT"}).decode(), payload, code]
        ),
        "the shared subject's": device_token(key, "anonymous"),
        "a user's subject": device_token(key, "alice"),
        "no subject": device_token(key, "anon-5", sub=None),
        "from the future": device_token(key, "anon-5", now=NOW + 3600),
        "expired": device_token(key, "anon-5", now=NOW - DAY, exp=NOW - 60),
        "without exp": device_token(key, "anon-5", exp=None),
        "without iat": device_token(key, "anon-5", iat=None),
        "for the PowerSync instance": device_token(key, "anon-5", aud=INSTANCE),
        "for the PowerSync instance, too": device_token(key, "anon-5", aud=[ISSUER, INSTANCE]),
        "for nobody": device_token(key, "anon-5", aud=None),
        "for nobody, by nobody": device_token(key, "anon-5", aud=None, iss=None),
        "signed, of another type": signed(key, "logout+jwt", claims),
        "the former release's, of another type": signed(
            key, "logout+jwt", {"sub": "anon-5", "role": "anonymous", "iat": NOW, "exp": NOW + 300}
        ),
        "what PowerSync gets today": ".".join(of_powersync),
        "what PowerSync gets, under the header of a device token": ".".join(
            [header, *of_powersync[1:]]
        ),
        **{
            f"the former release's with the role {role!r}": powersync_token(key, "anon-5", role)
            for role in ("authenticated", "Anonymous", "admin", "")
        },
        "the former release's with its role edited": with_payload(
            powersync_token(key, "anon-5", "authenticated"), role="anonymous"
        ),
        "the former release's shared subject": powersync_token(key, "anonymous"),
        "the former release's from the future": powersync_token(key, "anon-5", now=NOW + 3600),
    }


@pytest.mark.parametrize("name", forged(keyring.bootstrap(make_key)))
def test_what_proves_no_subject_is_no_error_and_gives_a_new_one(
    name: str, subjects: AnonymousSubjects, ring: KeyRing
) -> None:
    ready = ReadyRing.of(ring)
    token = forged(ring)[name]
    subject = subjects.subject_for(token, ready)
    assert subject.startswith("anon-")
    assert subject not in {"anon-5", "anon-6"}
    assert subjects.former_subject(token, ready) is None
