"""Keys that anybody can sign for are never used, however right the rest of them is."""

import hashlib
import math
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.identity.key_server import encode, public_jwk
from token_service.identity.credentials import Credential
from token_service.identity.verification import UnusableKeyError, VerificationKey
from token_service.identity.weak_keys import (
    is_of_small_order,
    is_prime_looking,
    rsa_weakness,
)

SOUND = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n


def modulus_jwk(modulus: int, exponent: int = 65537) -> dict[str, str]:
    def number(value: int) -> str:
        return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))

    return {"kty": "RSA", "alg": "RS256", "n": number(modulus), "e": number(exponent)}


def without_small_factors(start: int) -> int:
    small = math.prod(range(3, 500, 2))
    return next(n for n in range(start | 1, start + 100_000, 2) if math.gcd(n, small) == 1)


def broken_library_modulus() -> int:
    """A modulus with the structure of the library behind ROCA: two factors k·M + 65537^a mod M."""
    primorial = 2 * math.prod(p for p in range(3, 168, 2) if all(p % d for d in range(3, p, 2)))
    half = 3 << 1022

    def factor(power: int) -> int:
        return half // primorial * primorial + primorial + pow(65537, power, primorial)

    small = math.prod(range(3, 500, 2))
    good = [n for n in map(factor, range(1, 300)) if math.gcd(n, small) == 1]
    return good[0] * good[1]


def test_a_sound_key_is_used() -> None:
    assert rsa_weakness(SOUND) is None
    VerificationKey.from_jwk(modulus_jwk(SOUND))


@pytest.mark.parametrize(
    ("bits", "usable"), [(2047, False), (2048, True), (8192, True), (8193, False)]
)
def test_the_edges_of_an_rsa_keys_size(bits: int, *, usable: bool) -> None:
    modulus = without_small_factors((1 << (bits - 1)) + secrets.randbits(bits - 2))
    assert modulus.bit_length() == bits
    if usable:
        VerificationKey.from_jwk(modulus_jwk(modulus))
    else:
        with pytest.raises(UnusableKeyError, match=f"an RSA key of {bits} bits"):
            VerificationKey.from_jwk(modulus_jwk(modulus))


WEAK_RSA_KEYS = {
    "even": (SOUND + 1, 65537, "small factor"),
    "a multiple of 3": (SOUND // 3 * 3, 65537, "small factor"),
    "a multiple of 499": (499 * without_small_factors(SOUND // 499), 65537, "small factor"),
    "a square": (without_small_factors(1 << 1200) ** 2, 65537, "a square"),
    "of the broken library": (broken_library_modulus(), 65537, "ROCA"),
    "exponent 0": (SOUND, 0, "not a valid key"),
    "exponent 1": (SOUND, 1, "not a valid key"),
    "exponent 2": (SOUND, 2, "not a valid key"),
    "an even exponent": (SOUND, 65536, "not a valid key"),
    "an exponent above the modulus": (SOUND, SOUND + 2, "not a valid key"),
}


@pytest.mark.parametrize("weakness", WEAK_RSA_KEYS)
def test_an_rsa_key_that_protects_nothing_is_left_out(weakness: str) -> None:
    modulus, exponent, reason = WEAK_RSA_KEYS[weakness]
    with pytest.raises(UnusableKeyError, match=reason):
        VerificationKey.from_jwk(modulus_jwk(modulus, exponent))


@settings(max_examples=200, deadline=None)
@given(st.integers(1 << 2047, (1 << 2048) - 1))
def test_hardly_any_number_has_the_fingerprint(number: int) -> None:
    assert rsa_weakness(without_small_factors(number)) is None


def test_a_modulus_that_is_prime_verifies_nothing() -> None:
    """Its private key is the inverse of the exponent modulo n - 1, so everybody has it."""
    prime = 2**2203 - 1  # A Mersenne prime.
    assert is_prime_looking(prime)
    assert not is_prime_looking(SOUND)
    key = VerificationKey.from_jwk(modulus_jwk(prime))
    signing_input = b"header.payload"
    assert not key.verifies(Credential("", "RS256", "k", "jwt", {}, signing_input, forge(prime)))


def forge(prime: int) -> bytes:
    """A right signature of `header.payload` (RFC 8017 §8.2.1) for a prime modulus."""
    info = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = info + hashlib.sha256(b"header.payload").digest()
    size = (prime.bit_length() + 7) // 8
    encoded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    private = pow(65537, -1, prime - 1)
    return pow(int.from_bytes(encoded, "big"), private, prime).to_bytes(size, "big")


ED25519_PRIME = 2**255 - 19
ED25519_D = -121665 * pow(121666, -1, ED25519_PRIME) % ED25519_PRIME
# The y of libsodium's list of points that it refuses as public keys, and their other spellings.
ED25519_SMALL = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f",
]
ED448_PRIME = 2**448 - 2**224 - 1
ED448_SMALL = [
    (y + over).to_bytes(57, "little")
    for y in (0, 1, ED448_PRIME - 1)
    for over in (0, ED448_PRIME)
    if y + over < 1 << 448
]


@pytest.mark.parametrize("encoded", ED25519_SMALL + ED448_SMALL, ids=bytes.hex)
@pytest.mark.parametrize("sign", [0, 0x80])
def test_a_point_of_small_order_is_no_key(encoded: bytes, sign: int) -> None:
    spelt = encoded[:-1] + bytes([encoded[-1] | sign])
    assert is_of_small_order(spelt)
    curve = "Ed25519" if len(spelt) == 32 else "Ed448"
    with pytest.raises(UnusableKeyError, match=r"small order|not a valid key"):
        VerificationKey.from_jwk({"kty": "OKP", "crv": curve, "x": encode(spelt)})


def test_the_listed_points_vanish_when_multiplied_by_the_cofactor() -> None:
    """So the list is not only somebody's: eight times each of them is the neutral point."""
    for encoded in ED25519_SMALL[:5]:
        y = int.from_bytes(encoded, "little") % ED25519_PRIME
        point = (recover_x(y), y)
        for _ in range(3):
            point = double(point)
        assert point == (0, 1)


def recover_x(y: int) -> int:
    p = ED25519_PRIME
    square = (y * y - 1) * pow(ED25519_D * y * y + 1, -1, p) % p
    root = pow(square, (p + 3) // 8, p)
    if root * root % p != square:
        root = root * pow(2, (p - 1) // 4, p) % p
    assert root * root % p == square
    return root


def double(point: tuple[int, int]) -> tuple[int, int]:
    p = ED25519_PRIME
    x, y = point
    k = ED25519_D * x * x * y * y % p
    return 2 * x * y * pow(1 + k, -1, p) % p, (y * y + x * x) * pow(1 - k, -1, p) % p


def test_a_key_as_it_is_generated_is_of_large_order() -> None:
    for _ in range(20):
        for key in (ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()):
            assert not is_of_small_order(key.public_key().public_bytes_raw())
            VerificationKey.from_jwk(public_jwk(key))
