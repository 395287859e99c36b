"""What an operator's command ends with where it cannot do what it was asked for."""


class OperatorError(Exception):
    """What an operator asked for cannot be done; the message says why and what to do."""
