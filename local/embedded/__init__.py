"""Runs in MiniStack's own interpreter: MiniStack, behind a guard, with what it leaves out."""
