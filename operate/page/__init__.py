"""The page of the local stack: the stack at work, for people who would rather look than read.

It is served by the front door to a browser on the same machine, and speaks to the stack as the
operators' commands do.
"""
