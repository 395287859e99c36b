"""The signing keys: their life, what is published of them, and what they sign."""
