"""Operators' commands: `make keys`, `rotate`, `revoke` and `logs`, and for a local stack `user` and
`token`.

On a stack in AWS they work through the rotate function, Secrets Manager and CloudWatch Logs, and
never read a private key.
"""
