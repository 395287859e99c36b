"""What is ours to put into a PowerSync token, whatever an identity provider says."""

PROTECTED_CLAIMS = frozenset({"sub", "aud", "iss", "iat", "nbf", "exp", "jti", "kid", "role"})
"""Claims that no identity provider's claim is mapped to."""

SHARED_SUBJECT = "anonymous"
"""The subject of all anonymous users, where they share one."""

SUBJECT_PREFIX = "anon-"
"""Begins the subject of an anonymous device."""
