"""A credential taken apart: what is read of it, and the exact edges of what is taken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.identity.key_server import as_segment
from token_service.identity.algorithms import ASYMMETRIC_ALGORITHMS
from token_service.identity.credentials import (
    CLOCK_LEEWAY,
    DEEPEST_JSON,
    END_OF_TIME,
    LARGEST_CREDENTIAL,
    LARGEST_KID,
    InvalidCredentialError,
    check_times,
    parse,
    read_time,
)

NOW = 1_764_097_200


def compact(header: object, payload: object = "{}", signature: str = "AA") -> str:
    return f"{as_segment(header)}.{as_segment(payload)}.{signature}"


def head(**members: object) -> dict[str, Any]:
    return {"alg": "RS256", "kid": "k", **members}


def test_what_is_read_of_a_credential() -> None:
    token = compact(head(), {"iss": "x", "exp": 1.5}, "AQID")
    credential = parse(token)
    assert (credential.alg, credential.kid) == ("RS256", "k")
    assert credential.claims == {"iss": "x", "exp": 1.5}
    assert credential.signing_input == token.rpartition(".")[0].encode()
    assert credential.signature == b"\x01\x02\x03"
    assert credential.encoded == token


def test_a_kid_may_be_absent() -> None:
    assert parse(compact({"alg": "RS256"})).kid is None
    assert parse(compact(head(kid="x" * LARGEST_KID))).kid == "x" * 256


@pytest.mark.parametrize("kid", ["", "x" * 257, None, 5, True, ["k"], {}])
def test_a_kid_that_is_there_is_a_string(kid: object) -> None:
    with pytest.raises(InvalidCredentialError, match="kid is not a string of 1 to 256"):
        parse(compact(head(kid=kid)))


@pytest.mark.parametrize("alg", ASYMMETRIC_ALGORITHMS)
def test_asymmetric_algorithms_are_read(alg: str) -> None:
    assert parse(compact(head(alg=alg))).alg == alg


@pytest.mark.parametrize(
    "alg", ["HS256", "HS384", "HS512", "none", "None", "rs256", "ES256K", "ES521", "ML-DSA-65", ""]
)
def test_other_algorithms_are_named_in_the_refusal(alg: str) -> None:
    with pytest.raises(InvalidCredentialError, match=f"algorithm '{alg}' is never taken"):
        parse(compact(head(alg=alg)))


def test_of_a_long_algorithm_the_log_has_little() -> None:
    with pytest.raises(InvalidCredentialError) as refusal:
        parse(compact(head(alg="\n" * 5_000)))
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 70


def test_the_largest_credential_is_taken_and_a_byte_more_is_not() -> None:
    def of_length(length: int) -> str:
        # The signature's length modulo 4 must be one that base64 has: a longer kid shifts it.
        for kid in ("k", "kk", "kkk"):
            start = compact(head(kid=kid)).rpartition(".")[0] + "."
            if (length - len(start)) % 4 != 1:
                return start + "A" * (length - len(start))
        raise AssertionError(f"no credential of {length} bytes")

    assert LARGEST_CREDENTIAL == 16_384
    assert len(parse(of_length(16_384)).encoded) == 16_384
    with pytest.raises(InvalidCredentialError, match="larger than 16384 bytes"):
        parse(of_length(16_385))


@pytest.mark.parametrize("depth", [32, 33])
def test_the_deepest_json_is_taken_and_one_level_more_is_not(depth: int) -> None:
    payload = '{"x":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    if depth == DEEPEST_JSON:
        parse(compact(head(), payload))
    else:
        with pytest.raises(InvalidCredentialError, match="payload: nested more than 32 deep"):
            parse(compact(head(), payload))


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], None, "", 0, False])
def test_a_critical_extension_is_refused_however_little_it_says(crit: object) -> None:
    """RFC 7515 §4.1.11: none is understood, and none may be empty."""
    with pytest.raises(InvalidCredentialError, match="crit names an extension"):
        parse(compact(head(crit=crit)))


@pytest.mark.parametrize("b64", [False, None, 0, 1, "", "true"])
def test_only_a_payload_in_base64_is_read(b64: object) -> None:
    """RFC 7797."""
    assert parse(compact(head(b64=True))).alg == "RS256"
    with pytest.raises(InvalidCredentialError, match="an unencoded payload"):
        parse(compact(head(b64=b64)))


@pytest.mark.parametrize("text", ['{"sub":"a","sub":"a"}', '{"a":{"b":1,"b":2}}'])
def test_a_member_may_stand_only_once(text: str) -> None:
    """RFC 7515 §4: which of them counts would depend on who reads."""
    with pytest.raises(InvalidCredentialError, match="a member stands twice"):
        parse(compact(head(), text))


@pytest.mark.parametrize(
    "exp", [NOW + 1, NOW + 0.5, NOW - 29, NOW - 29.999, float(NOW), END_OF_TIME - 1]
)
def test_a_credential_is_good_until_it_has_expired_for_the_leeway(exp: float) -> None:
    check_times({"exp": exp}, NOW)


@pytest.mark.parametrize("exp", [NOW - 30, NOW - 30.0, NOW - 30.001, NOW - 31, 0, 0.0])
def test_and_not_a_moment_longer(exp: float) -> None:
    with pytest.raises(InvalidCredentialError, match="expired"):
        check_times({"exp": exp}, NOW)
    assert CLOCK_LEEWAY == 30


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("begins", [NOW, NOW + 30, NOW + 30.0, NOW + 29.999, 0, 0.5])
def test_a_credential_is_good_from_the_leeway_before_it_begins(name: str, begins: float) -> None:
    check_times({"exp": NOW + 60, name: begins}, NOW)


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("begins", [NOW + 31, NOW + 30.001, END_OF_TIME - 1])
def test_and_not_a_moment_earlier(name: str, begins: float) -> None:
    with pytest.raises(InvalidCredentialError, match=f"{name} is .* in the future"):
        check_times({"exp": NOW + 60, name: begins}, NOW)


@pytest.mark.parametrize(
    ("literal", "seconds"),
    [
        ("1764097200", 1764097200),
        ("1764097200.5", 1764097200.5),
        ("1764097200.553", 1764097200.553),
        ("1764097200.0", 1764097200),
        ("1.764097200e9", 1764097200),
        ("1.764097200e+09", 1764097200),  # Pomerium
        ("1764097200E0", 1764097200),
        ("253402300799", 253402300799),
        ("253402300799.5", 253402300799.5),
        ("0", 0),
    ],
)
def test_times_have_every_form_that_json_has_for_a_number(literal: str, seconds: float) -> None:
    """RFC 7519 §2: a NumericDate may be non-integer; providers in the wild send each of these."""
    claims = parse(compact(head(), f'{{"exp": {literal}}}')).claims
    assert read_time(claims, "exp") == seconds


NO_NUMBERS: tuple[object, ...] = ("1764097200", "", True, False, None, [], {}, [NOW])
NO_TIMES = (-1, -0.5, 253402300800, 253402300800.0, 1e300, -1e300, 10**400, 2**63)
NOT_FINITE = (float("nan"), float("inf"), float("-inf"))


@pytest.mark.parametrize("value", [*NO_NUMBERS, *NO_TIMES, *NOT_FINITE])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_what_is_no_time_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidCredentialError, match=f"^{name} is not a number of seconds"):
        check_times({"exp": NOW + 60, name: value}, NOW)


@given(st.floats(0, 2e9), st.floats(0, 2e9))
def test_no_fraction_is_rounded_in_the_callers_favour(exp: float, now: float) -> None:
    try:
        check_times({"exp": exp}, now)
    except InvalidCredentialError:
        assert now >= exp + CLOCK_LEEWAY
    else:
        assert now < exp + CLOCK_LEEWAY
