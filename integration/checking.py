"""How the checks of the demo and of the cluster fail."""


class CheckError(Exception):
    """A check failed; the text says what was seen."""


def require(condition: object, message: str) -> None:
    """Raise ``CheckError`` with a message unless the condition holds."""
    if not condition:
        raise CheckError(message)
