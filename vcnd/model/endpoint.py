"""Where something listens: host and port."""


def split(endpoint: str) -> tuple[str, int]:
    """Return host and port of text such as ``127.0.0.1:9465`` or ``[::1]:9465``.

    Raises:
        ValueError: it has another form.
    """
    host, _, port = endpoint.rpartition(":")
    bracketed = host[:1] == "[" and host[-1:] == "]"
    bare = host[1:-1] if bracketed else host
    if not bare or (":" in bare) is not bracketed:
        raise ValueError(f"{endpoint!r} has no host such as 127.0.0.1 or [::1]")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise ValueError(f"{endpoint!r} has no port from 1 to 65535")
    return bare, int(port)
