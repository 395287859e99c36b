"""The attack list: credentials and requests that must not get a token.

Each credential is one that our provider would sign, but for the one thing that its name says, so it
is refused for that and nothing else.
"""

import base64
import json
import time

from tests.identity.forgery import (
    CLIENT,
    EC_KEY,
    ED_KEY,
    KEYS,
    LARGE,
    PROVIDER,
    RSA_KEY,
    STRANGER,
    WEAK,
    claims,
    header,
    hmac_signed,
    in_der,
    pem,
    raw_claims,
    signed,
    with_signature,
    with_stray_bits,
)
from tests.identity.key_server import as_segment, encode, public_jwk
from tests.identity.service import ISSUER

SEGMENTS = signed().split(".")
IN_DER = in_der()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
NOW = int(time.time())
EXPONENT = "1" + "0" * 400

FORGED_ALGORITHMS = {
    **{f"alg {alg!r}, unsigned": f"{as_segment(header(alg))}.{as_segment(claims())}."
       for alg in ("none", "None", "NONE", "nOnE", "", None, 0, ["RS256"], {"a": "RS256"})},
    "alg none with a signature": signed(head=header("none")),
    "no alg": signed(head={"kid": "rsa", "typ": "JWT"}),
    "unknown alg": signed(head=header("RS257")),
    "alg of other letter case": signed(head=header("rs256")),
    "HS256 keyed with the public key as PEM": hmac_signed(pem(RSA_KEY)),
    "HS256 keyed with the public key as PEM without its last newline":
        hmac_signed(pem(RSA_KEY).rstrip()),
    "HS256 keyed with the public key as a JWK": hmac_signed(json.dumps(KEYS[0]).encode()),
    "HS256 keyed with the public key as a compact JWK":
        hmac_signed(json.dumps(KEYS[0], separators=(",", ":")).encode()),
    "HS256 keyed with the modulus": hmac_signed(KEYS[0]["n"].encode()),
    "HS512 keyed with the public key": hmac_signed(pem(RSA_KEY), "HS512"),
    "HS256 with an empty secret": hmac_signed(b""),
    "RS256 by the RSA key under the EC key's kid": signed(head=header("RS256", "ec")),
    "ES256 under the RSA key's kid": signed(head=header("ES256"), key=EC_KEY, alg="ES256"),
    "PS256 by a key bound to RS256": signed(head=header("PS256"), alg="PS256"),
    "RS512 by a key bound to RS256": signed(head=header("RS512"), alg="RS512"),
    "ES256 by a key bound to ES384":
        signed(head=header("ES256", "wrong-curve"), key=EC_KEY, alg="ES256"),
    "ES384 by a key bound to it that is of the curve of ES256":
        signed(head=header("ES384", "wrong-curve"), key=EC_KEY, alg="ES384"),
    "EdDSA under the EC key's kid": signed(head=header("EdDSA", "ec"), key=ED_KEY, alg="EdDSA"),
}  # fmt: skip

FORGED_KEYS = {
    "another key under a known kid": signed(key=STRANGER),
    "a key embedded as jwk": signed(head=header(jwk=public_jwk(STRANGER)), key=STRANGER),
    "a key embedded as jwk with its own kid":
        signed(head=header(kid="x", jwk=public_jwk(STRANGER, kid="x")), key=STRANGER),
    "a certificate embedded as x5c":
        signed(head=header(x5c=[encode(b"certificate")]), key=STRANGER),
    "a key for encryption": signed(head=header(kid="encryption")),
    "a key that may only sign": signed(head=header(kid="signing-only")),
    "a key of 1024 bits": signed(head=header(kid="weak"), key=WEAK),
    "a key of 8,676 bits": signed(head=header(kid="large"), key=LARGE),
    "two keys under one kid, by the first": signed(head=header(kid="twice")),
    "two keys under one kid, by the second": signed(head=header(kid="twice"), key=STRANGER),
    "a key off its curve": signed(head=header("ES256", "off-curve"), key=EC_KEY, alg="ES256"),
    "a broken key": signed(head=header(kid="broken")),
    "a key of an unknown type": signed(head=header(kid="unheard-of")),
    **{f"kid {str(kid)[:24]!r} ({type(kid).__name__} of {len(str(kid))})":
       signed(head=header(kid=kid)) for kid in (
        "../../../../dev/null", "/etc/passwd", "file:///dev/null", "' OR '1'='1", "rsa'; --",
        "rsa\u0000", "RSA", " rsa", "rsa ", "x" * 257, "x" * 10_240, "", "\ud800", "${jndi:ldap://x}",
        None, 0, 1.5, True, ["rsa"], {"kid": "rsa"}, "__class__", "https://attacker.test/keys",
    )},
    "no kid": signed(head={"alg": "RS256", "typ": "JWT"}),
}  # fmt: skip

FORGED_SIGNATURES = {
    "no signature": f"{SEGMENTS[0]}.{SEGMENTS[1]}.",
    "signature of another token": f"{SEGMENTS[0]}.{as_segment(claims(sub='admin'))}.{SEGMENTS[2]}",
    "signature of zeros": with_signature(bytes(256), "rsa", "RS256"),
    "truncated signature": with_signature(base64.urlsafe_b64decode(SEGMENTS[2] + "==")[:-1],
                                          "rsa", "RS256"),
    **{f"ECDSA with {name}": with_signature(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
       for name, r, s in (
           ("r = s = 0", 0, 0), ("r = 0, s = 1", 0, 1), ("r = 1, s = 0", 1, 0),
           ("r = s = 1", 1, 1), ("r = s = the order", ORDER, ORDER),
           ("r = the order, s = 1", ORDER, 1), ("r = 1, s = the order", 1, ORDER),
           ("r = s = all ones", 2**256 - 1, 2**256 - 1), ("s = the order - 1", 1, ORDER - 1),
       )},
    "ECDSA of no length": with_signature(b""),
    "ECDSA of half the length": with_signature(bytes(32)),
    "ECDSA of twice the length": with_signature(bytes(128)),
    "ECDSA in DER": IN_DER,
    "EdDSA of zeros": with_signature(bytes(64), "ed", "EdDSA"),
    "EdDSA with a point of small order": with_signature(b"\x01" + bytes(63), "ed", "EdDSA"),
    "EdDSA of no length": with_signature(b"", "ed", "EdDSA"),
    "EdDSA of 65 bytes": with_signature(bytes(65), "ed", "EdDSA"),
}  # fmt: skip

FORGED_HEADERS = {
    **{f"crit {crit!r}": signed(head=header(crit=crit))
       for crit in (["exp"], ["unknown"], [], None, "exp", ["b64"])},
    "unencoded payload": signed(head=header(b64=False)),
    "unencoded payload, critical": signed(head=header(b64=False, crit=["b64"])),
    **{f"typ {typ!r}": signed(head=header(typ=typ)) for typ in (
        "dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", "refresh+jwt", "", None, 1, ["JWT"],
        "token-introspection+jwt", "application/json",
    )},
    "header is a list": signed(head=[header()]),
    "header is a string": signed(head='"header"'),
    "header is no JSON": signed(head="{"),
    "header is empty": f".{SEGMENTS[1]}.{SEGMENTS[2]}",
    "header with alg twice": signed(head='{"alg":"none","alg":"RS256","kid":"rsa"}'),
    "header with kid twice": signed(head='{"alg":"RS256","kid":"x","kid":"rsa"}'),
    "header in UTF-16": signed(head=json.dumps(header()).encode("utf-16")),
    "header with a byte order mark": signed(head=b"\xef\xbb\xbf" + json.dumps(header()).encode()),
    "header nested 10,000 deep":
        signed(head='{"alg":"RS256","kid":"rsa","x":' + "[" * 10_000 + "]" * 10_000 + "}"),
}  # fmt: skip

FORGED_TIMES = {
    **{f"{name} = {literal[:20].replace(str(NOW), 'now')}": signed(raw_claims(**{name: literal}))
       for name in ("exp", "nbf", "iat")
       for literal in (
           "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e300", "-1e-9",
           f'"{NOW}"', f'"{NOW}.5"',
           '""', "null", "true", "[]", "{}", "-1", str(-(2**63)), EXPONENT,
           str(2**63), str(2**53), "253402300800", "253402300800.0", "2.534023008e11",
       )},
    "no exp": signed({name: value for name, value in claims().items() if name != "exp"}),
    "exp in the past": signed(claims(exp=NOW - 60)),
    "exp of 1970": signed(claims(exp=0)),
    "exp in the past, with a fraction": signed(claims(exp=NOW - 60.5)),
    "exp in the past, with an exponent": signed(raw_claims(exp="1e9")),
    # By an hour: this list may be minutes old when it is used, and what is valid by then no attack.
    "nbf in the future": signed(claims(nbf=NOW + 86_400, exp=NOW + 90_000)),
    "iat in the future": signed(claims(iat=NOW + 86_400, exp=NOW + 90_000)),
    "exp of 5,000 digits": signed(raw_claims(exp="9" * 5000)),
}  # fmt: skip

FORGED_CLAIMS = {
    **{f"iss {iss!r}": signed(claims(iss=iss)) for iss in (
        PROVIDER + "/", PROVIDER.upper(), "http://provider.test", PROVIDER + "?", " " + PROVIDER,
        "https://provider.test.attacker.test", "https://attacker.test", "", None, 5, [PROVIDER],
        {"iss": PROVIDER}, ISSUER, ISSUER + "/",
    )},
    "no iss": signed({name: value for name, value in claims().items() if name != "iss"}),
    **{f"aud {aud!r}": signed(claims(aud=aud)) for aud in (
        "another-client", "", None, 5, [], ["another-client"], [CLIENT, 5], {CLIENT: CLIENT},
        CLIENT.upper(), CLIENT + " ", f"{CLIENT},x",
    )},
    "no aud": signed({name: value for name, value in claims().items() if name != "aud"}),
    **{f"sub {str(sub)[:20]!r}": signed(claims(sub=sub)) for sub in (
        "", None, 5, ["mallory"], {"sub": "mallory"}, True, "x" * 256, "a\u0000b", "a\nb", "\ud800",
        "anonymous", "anon-0123456789abcdef0123456789abcdef",
    )},
    "no sub": signed({name: value for name, value in claims().items() if name != "sub"}),
    "a refresh token": signed(claims(token_use="refresh")),
    "a token of many uses": signed(claims(token_use=["id", "access"])),
    "a logout token":
        signed(claims(events={"http://schemas.openid.net/event/backchannel-logout": {}})),
    "bound to a key of its sender": signed(claims(cnf={"jkt": "thumbprint"})),
    "sub twice": signed(json.dumps(claims())[:-1] + ',"sub":"admin"}'),
    "sub twice, once escaped": signed(json.dumps(claims())[:-1] + ',"\\u0073ub":"admin"}'),
    "a member twice inside a claim": signed(json.dumps(claims())[:-1] + ',"x":{"a":1,"a":2}}'),
    "claims nested 33 deep": signed(raw_claims(x="[" * 32 + "]" * 32)),
    "claims nested 3,000 deep": signed(raw_claims(x="[" * 3_000 + "]" * 3_000)),
    "claims nested 10,000 deep": signed(raw_claims(x="[" * 10_000 + "]" * 10_000)),
    "claims nested 10,000 deep, never closed": signed(raw_claims(x="[" * 10_000)),
    "objects nested 2,000 deep": signed(raw_claims(x='{"a":' * 1_500 + "1" + "}" * 1_500)),
    "payload is a list": signed([claims()]),
    "payload is null": signed("null"),
    "payload is no JSON": signed("{"),
    "payload is empty": signed(""),
    "payload in UTF-16": signed(json.dumps(claims()).encode("utf-16")),
    "payload is not UTF-8": signed(b'{"iss":"\xff"}'),
    "payload with text after it": signed(json.dumps(claims()) + "x"),
    "a number that is not finite": signed(raw_claims(x="1e999")),
    "a claim that is NaN": signed(raw_claims(x="NaN")),
}  # fmt: skip

MISSPELT = {
    "padding in the header": f"{SEGMENTS[0]}=.{SEGMENTS[1]}.{SEGMENTS[2]}",
    "padding in the payload": f"{SEGMENTS[0]}.{SEGMENTS[1]}==.{SEGMENTS[2]}",
    "padding in the signature": f"{SEGMENTS[0]}.{SEGMENTS[1]}.{SEGMENTS[2]}==",
    **{f"{name} in the {part}": ".".join(
        segment[:9] + character + segment[9:] if at == position else segment
        for at, segment in enumerate(SEGMENTS))
       for name, character in (("a tab", "\t"), ("a newline", "\n"), ("a slash", "/"),
                               ("a plus", "+"), ("a NUL", "\0"), ("a percent", "%41"),
                               ("a letter outside ASCII", "é"))
       for position, part in enumerate(("header", "payload", "signature"))},
    "stray bits at the end": with_stray_bits(signed()),
    "two segments": ".".join(SEGMENTS[:2]),
    "four segments": ".".join([*SEGMENTS, ""]),
    "five segments, as if encrypted": ".".join([*SEGMENTS, "x", "x"]),
    "an empty first segment": "." + ".".join(SEGMENTS),
    "only dots": "..",
    "JSON serialization": json.dumps({"payload": SEGMENTS[1]}).replace(" ", "").replace(",", ""),
    "quoted": f'"{signed()}"',
    "a credential of 20 KB": signed(claims(x="x" * 15_000)),
    "a credential of 1 MB": signed() + "A" * 1_000_000,
    "1 MB of dots": "." * 1_000_000,
}  # fmt: skip

ATTACKS = {
    **FORGED_ALGORITHMS,
    **FORGED_KEYS,
    **FORGED_SIGNATURES,
    **FORGED_HEADERS,
    **FORGED_TIMES,
    **FORGED_CLAIMS,
    **MISSPELT,
}

REFUSED_AS_MALFORMED = (
    "Bearer", "Bearer ", "Bearer  <jwt>", "Bearer <jwt> x",
    # Two headers, as RFC 9110 joins them and as API Gateway does.
    "Bearer <jwt>, Bearer <jwt>", "Bearer <jwt>,Bearer <jwt>",
    "Basic eDp4, Bearer <jwt>", "Basic eDp4,Bearer <jwt>",
    # A stranger's header may look like anything: what a comma parts from it is no credential.
    "Basic,Bearer <jwt>", "Basic, Bearer <jwt>", "Negotiate, <jwt>", "Negotiate,Basic <jwt>",
    "Negotiate,Bearer,<jwt>", "a,b <jwt>", ",Bearer <jwt>", ", Bearer <jwt>", ",bearer <jwt>",
    "Bearer,Bearer <jwt>", "Bearer,<jwt>", "Bearer, <jwt>", "Bearer ,<jwt>", "Bearer <jwt>,",
    "Bearer <jwt>, ", "<jwt>,Bearer <jwt>", 'Digest username="a", realm="b",Bearer <jwt>',
    # One header, but not to be told from several without knowing every scheme's parameters.
    'Digest username="mallory", realm="x", response="<jwt>"',
)  # fmt: skip

ANOTHER_SCHEME = (
    "", "<jwt>", "Basic bWFsbG9yeTp4", "Basic <jwt>", "DPoP <jwt>", "Negotiate <jwt>",
    "BearerX <jwt>", "Bear er <jwt>",
)  # fmt: skip

REQUESTS = {
    "no credential": ({}, 401, None),
    **{f"Authorization: {value}": ({"authorization": value.replace("<jwt>", signed())}, *answer)
       for values, answer in ((REFUSED_AS_MALFORMED, (400, "invalid_request")),
                              (ANOTHER_SCHEME, (401, None)))
       for value in values},
    "a header of 1 MB": ({"authorization": "Bearer " + "A" * 1_000_000}, 401, "invalid_token"),
}  # fmt: skip
"""What somebody without a right to a token may try: each has its status, and none gets a token."""
