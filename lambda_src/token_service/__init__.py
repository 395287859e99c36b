"""What runs in AWS: the JWKS, the token endpoints and the rotation of the signing keys."""
