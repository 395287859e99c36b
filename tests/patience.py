"""How long tests wait: for what they need, however slow the machine is."""

PATIENT = 300.0
"""Seconds until something that should have come is taken for lost. A test that passes is no slower
for it, and a busy machine fails none."""

SOON = 60.0
"""Seconds within which a test tells what has not waited from what has: that hangs for PATIENT."""
