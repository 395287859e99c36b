"""Public keys that anybody can sign for, told by what can be seen of them.

A provider that publishes one has made a mistake that its users would pay for. None of this finds a
key that was made badly in a way nobody knows.
"""

import math
from functools import lru_cache

SMALLEST_RSA_KEY = 2048
LARGEST_RSA_KEY = 8192
"""Bits (RFC 7518 §3.3); the upper bound limits what a signature may cost us."""

_FINGERPRINT_PRIMES = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97),
    *(101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)

_EDWARDS_FIELDS = {
    # Prime of the field, and the y of the points whose order divides the cofactor: the neutral
    # one, those of order 2 and 4, and for the cofactor 8 those of order 8.
    32: (
        2**255 - 19,
        frozenset(
            {
                0,
                1,
                2**255 - 20,
                0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
                0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
            }
        ),
    ),
    57: (2**448 - 2**224 - 1, frozenset({0, 1, 2**448 - 2**224 - 2})),
}
"""By the length of a public key in bytes: Ed25519 and Ed448 (RFC 8032 §5.1, §5.2)."""


def rsa_weakness(modulus: int) -> str | None:
    """Why a modulus protects nothing, as far as a moment's look can tell; None if it looks right.

    An exponent that is even or below 3 is refused by `cryptography` already.
    """
    bits = modulus.bit_length()
    if not SMALLEST_RSA_KEY <= bits <= LARGEST_RSA_KEY:
        return f"an RSA key of {bits} bits"
    if math.gcd(modulus, _small_primes_product()) != 1:
        return "an RSA modulus with a small factor"
    if math.isqrt(modulus) ** 2 == modulus:
        return "an RSA modulus that is a square"
    if all(modulus % prime in powers for prime, powers in _fingerprint()):
        return "an RSA key with the fingerprint of ROCA (CVE-2017-15361)"
    return None


@lru_cache(maxsize=256)
def is_prime_looking(modulus: int) -> bool:
    """Whether a modulus passes Fermat's test for primes, as no product of two large ones does.

    Whoever knows that the modulus is prime knows the private key. This takes tens of milliseconds,
    so it is asked once of a key that is used, and of no other.
    """
    return pow(2, modulus - 1, modulus) == 1


def is_of_small_order(encoded: bytes) -> bool:
    """Whether a public key of Ed25519 or Ed448 is a point of small order, however it is spelt.

    For such a point there are signatures that fit without any private key.
    """
    prime, small = _EDWARDS_FIELDS[len(encoded)]
    y = int.from_bytes(encoded, "little") & ~(1 << (8 * len(encoded) - 1))  # Without x's sign.
    return y % prime in small


@lru_cache(maxsize=1)
def _small_primes_product() -> int:
    return math.prod(n for n in range(2, 500) if all(n % d for d in range(2, math.isqrt(n) + 1)))


@lru_cache(maxsize=1)
def _fingerprint() -> tuple[tuple[int, frozenset[int]], ...]:
    """For small primes, the residues that primes from the broken library leave: powers of 65537.

    From "The Return of Coppersmith's Attack" (Nemec and others, 2017), §2.
    """
    fingerprint = []
    for prime in _FINGERPRINT_PRIMES:
        powers, power = set(), 1
        while power not in powers:
            powers.add(power)
            power = power * 65537 % prime
        fingerprint.append((prime, frozenset(powers)))
    return tuple(fingerprint)
