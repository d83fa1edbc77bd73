"""A fake Oracle Cloud: ``fakeoci.serving()`` serves it, ``mock_oci()`` mocks it."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Import the server at its first use: parts of the fake do not need it."""
    if name in ("Cloud", "ServingError", "serving"):
        from fakeoci import cloud  # noqa: PLC0415

        return getattr(cloud, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
