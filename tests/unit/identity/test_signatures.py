"""Signatures of every algorithm: the right one is taken, and nothing that is nearly one.

Made here rather than copied, so that each can be told apart from a right one by what its row says.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

from tests.conftest import Figure
from tests.identity.key_server import ALGORITHMS, PrivateKey, as_segment, encode, public_jwk
from token_service.identity.algorithms import ASYMMETRIC_ALGORITHMS
from token_service.identity.credentials import parse
from token_service.identity.verification import VerificationKey, read_key_set

RSA_KEY, OTHER_RSA_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
CURVES: dict[str, ec.EllipticCurve] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}
EC_KEYS = {alg: ec.generate_private_key(curve) for alg, curve in CURVES.items()}
OTHER_EC_KEYS = {alg: ec.generate_private_key(curve) for alg, curve in CURVES.items()}
ED_KEYS: dict[str, PrivateKey] = {
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "Ed448": ed448.Ed448PrivateKey.generate(),
}
OTHER_ED_KEYS: dict[str, PrivateKey] = {
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "Ed448": ed448.Ed448PrivateKey.generate(),
}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
# Orders of the groups: FIPS 186-5 and RFC 8032 §5.1, §5.2.
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
    "ES512": int(
        "01" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16
    ),
    "Ed25519": 2**252 + 27742317777372353535851937790883648493,
    "Ed448": 2**446 - 0x8335DC163BB124B65129C96FDE933D8D723A70AADC873D6D54A7BB0D,
}


@dataclass(frozen=True)
class Signing:
    """One algorithm with its key, and a message that it signs."""

    alg: str
    key: PrivateKey
    other: PrivateKey
    header_alg: str

    @property
    def message(self) -> bytes:
        head = as_segment({"alg": self.header_alg, "kid": "k"})
        return f"{head}.{as_segment({'sub': 'alice'})}".encode()

    def sign(self, message: bytes, key: PrivateKey | None = None) -> bytes:
        algorithm = ALGORITHMS["EdDSA" if self.alg.startswith("Ed") else self.alg]
        signature: bytes = algorithm.sign(message, key or self.key)
        return signature

    def takes(self, signature: bytes) -> bool:
        """Whether a token with this signature passes, read and checked as a credential is."""
        token = f"{self.message.decode()}.{encode(signature)}"
        jwk = public_jwk(self.key, kid="k", alg=self.header_alg)
        keys = read_key_set({"keys": [jwk]}, None, "acme", "https://login.example.com")
        return keys.by_kid["k"].verifies(parse(token))


def signings() -> Iterator[Signing]:
    for alg in ASYMMETRIC_ALGORITHMS:
        if alg[:2] in {"RS", "PS"}:
            yield Signing(alg, RSA_KEY, OTHER_RSA_KEY, alg)
        elif alg in CURVES:
            yield Signing(alg, EC_KEYS[alg], OTHER_EC_KEYS[alg], alg)
        elif alg in ED_KEYS:
            yield Signing(alg, ED_KEYS[alg], OTHER_ED_KEYS[alg], alg)
        else:
            yield from (
                Signing(curve, ED_KEYS[curve], OTHER_ED_KEYS[curve], alg) for curve in ED_KEYS
            )


SIGNINGS = {
    f"{signing.header_alg} ({signing.alg})"
    if signing.header_alg != signing.alg
    else signing.alg: signing
    for signing in signings()
}
Fault = Callable[[Signing], bytes]


def halves(signing: Signing) -> tuple[int, int, int]:
    """r and s of a right ECDSA signature, and the bytes of each."""
    raw = signing.sign(signing.message)
    size = len(raw) // 2
    return int.from_bytes(raw[:size], "big"), int.from_bytes(raw[size:], "big"), size


def joined(r: int, s: int, size: int) -> bytes:
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def swapped(signing: Signing) -> bytes:
    r, s, size = halves(signing)
    return joined(s, r, size)


def in_der(signing: Signing) -> bytes:
    r, s, _ = halves(signing)
    return utils.encode_dss_signature(r, s)


def plus_order(signing: Signing) -> bytes:
    """The same s modulo the order of the group, which would be a second spelling of the token."""
    raw = signing.sign(signing.message)
    half = len(raw) // 2
    order = "little" if signing.alg.startswith("Ed") else "big"
    s = int.from_bytes(raw[half:], order) + ORDERS[signing.alg]  # type: ignore[arg-type]
    return raw[:half] + s.to_bytes(half, order)  # type: ignore[arg-type]


def with_another_hash(signing: Signing) -> bytes:
    """By the right key, over another digest than the algorithm's."""
    other = HASHES["512" if signing.alg[2:] == "256" else "256"]
    if isinstance(signing.key, ec.EllipticCurvePrivateKey):
        der = signing.key.sign(signing.message, ec.ECDSA(other))
        return joined(*utils.decode_dss_signature(der), (signing.key.key_size + 7) // 8)
    assert isinstance(signing.key, rsa.RSAPrivateKey)
    if signing.alg.startswith("RS"):
        return signing.key.sign(signing.message, padding.PKCS1v15(), other)
    pss = padding.PSS(padding.MGF1(other), other.digest_size)
    return signing.key.sign(signing.message, pss, other)


def with_the_other_padding(signing: Signing) -> bytes:
    digest = HASHES[signing.alg[2:]]
    assert isinstance(signing.key, rsa.RSAPrivateKey)
    if signing.alg.startswith("PS"):
        return signing.key.sign(signing.message, padding.PKCS1v15(), digest)
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    return signing.key.sign(signing.message, pss, digest)


def with_salt(length: int) -> Fault:
    """RFC 7518 §3.5: the salt is as long as the digest."""

    def sign(signing: Signing) -> bytes:
        digest = HASHES[signing.alg[2:]]
        assert isinstance(signing.key, rsa.RSAPrivateKey)
        assert length != digest.digest_size
        pss = padding.PSS(padding.MGF1(digest), length)
        return signing.key.sign(signing.message, pss, digest)

    return sign


def plus_modulus(signing: Signing) -> bytes:
    """A number that is the signature modulo n, which RFC 8017 §5.2.2 refuses as out of range."""
    assert isinstance(signing.key, rsa.RSAPrivateKey)
    n = signing.key.private_numbers().public_numbers.n
    number = int.from_bytes(signing.sign(signing.message), "big") + n
    return number.to_bytes(256 if number < 256**256 else 257, "big")


def without_leading_zero(signing: Signing) -> bytes:
    """The same number in fewer bytes than the modulus has, which RFC 8017 §8.1.2 refuses."""
    while (signature := signing.sign(signing.message))[0] != 0:
        pass  # The salt is another one each time.
    return signature[1:]


FAULTS_OF_ALL: dict[str, Fault] = {
    "another key": lambda it: it.sign(it.message, it.other),
    "another message": lambda it: it.sign(it.message + b"A"),
    "nothing": lambda _: b"",
    "zeros": lambda it: bytes(len(it.sign(it.message))),
    "ones": lambda it: b"\xff" * len(it.sign(it.message)),
    "its first bit turned": lambda it: turned(it.sign(it.message), 0),
    "its last bit turned": lambda it: turned(it.sign(it.message), -1),
    "a byte less at the end": lambda it: it.sign(it.message)[:-1],
    "a byte less at the beginning": lambda it: it.sign(it.message)[1:],
    "a zero more at the end": lambda it: it.sign(it.message) + b"\0",
    "a zero more at the beginning": lambda it: b"\0" + it.sign(it.message),
    "twice": lambda it: it.sign(it.message) * 2,
    "backwards": lambda it: it.sign(it.message)[::-1],
}
FAULTS_OF_RSA: dict[str, Fault] = {
    "another hash": with_another_hash,
    "the other padding": with_the_other_padding,
    "plus the modulus": plus_modulus,
    "one": lambda _: (1).to_bytes(256, "big"),
}
FAULTS_OF_PSS: dict[str, Fault] = {
    "no salt": with_salt(0),
    "a salt of 20": with_salt(20),
    "without its leading zero": without_leading_zero,
}
FAULTS_OF_ECDSA: dict[str, Fault] = {
    "another hash": with_another_hash,
    "r and s swapped": swapped,
    "DER": in_der,
    "s of 0": lambda it: joined(halves(it)[0], 0, halves(it)[2]),
    "r of 0": lambda it: joined(0, halves(it)[1], halves(it)[2]),
    "r and s of the order": lambda it: joined(ORDERS[it.alg], ORDERS[it.alg], halves(it)[2]),
}
# Only where it has room: the orders of P-256 and P-384 fill their bytes.
FAULTS_WITH_ROOM: dict[str, Fault] = {"s plus the order": plus_order}


def turned(signature: bytes, at: int) -> bytes:
    changed = bytearray(signature)
    changed[at] ^= 0x80 if at == 0 else 1
    return bytes(changed)


def faults(alg: str) -> dict[str, Fault]:
    of_family = {
        "RS": FAULTS_OF_RSA,
        "PS": FAULTS_OF_RSA | FAULTS_OF_PSS,
        "ES": FAULTS_OF_ECDSA,
        "Ed": {},
    }
    with_room = FAULTS_WITH_ROOM if alg in {"ES512", *ED_KEYS} else {}
    return FAULTS_OF_ALL | of_family[alg[:2]] | with_room


VECTORS = [(name, fault) for name, it in SIGNINGS.items() for fault in faults(it.alg)]


@pytest.mark.parametrize("name", SIGNINGS)
def test_the_right_signature_is_taken(name: str, figure: Figure) -> None:
    signing = SIGNINGS[name]
    assert signing.takes(signing.sign(signing.message))
    figure("valid signatures, all taken", 1)


@pytest.mark.parametrize(("name", "fault"), VECTORS)
def test_nothing_that_is_nearly_right_is_taken(name: str, fault: str, figure: Figure) -> None:
    signing = SIGNINGS[name]
    assert not signing.takes(faults(signing.alg)[fault](signing))
    figure("invalid signatures, none taken", 1)


@pytest.mark.parametrize("name", SIGNINGS)
def test_a_signature_is_good_under_no_other_algorithms_name(name: str, figure: Figure) -> None:
    """The key is the right one, and bound to its algorithm; the token says another one."""
    signing = SIGNINGS[name]
    key = VerificationKey.from_jwk(public_jwk(signing.key, alg=signing.header_alg))
    for alg in ASYMMETRIC_ALGORITHMS:
        if alg in key.algorithms:
            continue
        message = f"{as_segment({'alg': alg})}.{as_segment({})}".encode()
        token = f"{message.decode()}.{encode(signing.sign(message))}"
        assert not key.verifies(parse(token))
        figure("invalid signatures, none taken", 1)
