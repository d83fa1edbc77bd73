"""Times and numbers in words, with units."""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def duration(seconds: float) -> str:
    """Return a time in its largest unit that is not below 2, such as ``3 min``."""
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def number(count: float) -> str:
    """Return a number with a letter for thousands, such as ``1.2 M``."""
    for letter, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 10 * size:
            return f"{count / size:.0f} {letter}"
        if count >= size:
            return f"{count / size:.1f} {letter}"
    return f"{count:.0f}"


def short_id(ocid: str) -> str:
    """Return the end of an OCID, as the console shows it; other texts as they are."""
    return f"…{ocid[-12:]}" if ocid.startswith("ocid1.") else ocid


def counted(count: int, noun: str) -> str:
    """Return a number of things, such as ``1 pod`` or ``2 pods``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
