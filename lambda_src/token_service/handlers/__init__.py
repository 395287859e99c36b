"""The Lambda entry points, one module each so that a cold start loads only its own part."""
