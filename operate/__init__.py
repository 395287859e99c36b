"""Operators' commands for the signing keys; `make keys`, `make rotate` and `make revoke` run them.

They work through the rotate function and Secrets Manager, and never read a private key.
"""
