"""What is served, by its path."""

JWKS_PATH = "/.well-known/jwks.json"
TOKEN_PATH = "/token"  # noqa: S105 - a path
ANONYMOUS_PATH = "/token/anonymous"
