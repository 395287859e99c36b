"""What is ours to put into a PowerSync token, whatever an identity provider says."""

PROTECTED_CLAIMS = frozenset({"sub", "aud", "iss", "iat", "nbf", "exp", "jti", "kid", "role"})
"""Claims that no identity provider's claim is mapped to."""

PREVIOUS_USER_CLAIMS = frozenset({"previous_sub", "previous_iat"})
"""Say which anonymous user a signed-in one was before, and since when that was proven: not to be
mapped either."""

SHARED_SUBJECT = "anonymous"
"""The subject of all anonymous users, where they share one."""

SUBJECT_PREFIX = "anon-"
"""Begins the subject of an anonymous device."""
