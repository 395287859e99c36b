"""What is served: the JWKS, and tokens."""
