"""The signature algorithms of login credentials.

Nothing is imported here: the Pulumi program checks with it at preview.
"""

ASYMMETRIC_ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
    "Ed448",
)
"""Every algorithm that may ever be allowed: no secret is shared, and `none` is not among them
(RFC 8725 §3.1). `Ed25519` and `Ed448` are RFC 9864's names for EdDSA with that curve."""
