"""Operators' commands: `make keys`, `rotate`, `revoke` and `logs`, and for a local stack `user` and
`token`.

On a stack in AWS they work through the rotate function, Secrets Manager and CloudWatch Logs, and
never read a private key.
"""

import time

BEGAN = time.monotonic()
"""When the command began, by `time.monotonic()`: this is read before all that it imports."""
