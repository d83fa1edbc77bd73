"""Who may use the console: a browser on this machine, on the console's own page.

A page of another site must not switch faults.  It could try with a form, with a script,
or with a name of its own that resolves to this machine (DNS rebinding).  Hence the
``Host`` must be the console's, ``Origin`` and ``Sec-Fetch-Site`` must not be another
site's, and a change needs a header that no form can send and that a script may send
to another site only with that site's consent (which the console never gives).
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHANGE_HEADER = "x-fakeoci-console"
"""Must be on each request that changes something; its value does not matter."""
READS = ("GET", "HEAD")
OWN_SITES = ("same-origin", "none")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Of every answer."""


def hosts(port: int) -> frozenset[str]:
    """Return the values of ``Host`` that name a console on the loopback address."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))


def refusal(
    method: str, path: str, headers: Mapping[str, str], own: frozenset[str]
) -> str:
    """Return why a request is refused; empty if it is allowed.

    Args:
        method: of HTTP.
        path: of the URL.
        headers: by their names in lower case.
        own: the allowed values of ``Host``.
    """
    host = headers.get("host", "")
    if host not in own:
        return f"Host is {host!r}: open the console by the address that fakeoci printed"
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return "the request comes from another site"
    follows_link = method == "GET" and path == "/"
    if headers.get("sec-fetch-site", "none") not in OWN_SITES and not follows_link:
        return "the request comes from another site"
    if method not in READS and CHANGE_HEADER not in headers:
        return f"a change needs the header {CHANGE_HEADER}"
    return ""


class Guard:
    """Refuses what ``refusal`` names, and adds the headers of every answer."""

    def __init__(self, app: ASGIApp, own: frozenset[str]) -> None:
        self._app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an allowed request on, or answer 403."""
        if scope["type"] != "http":
            return
        headers = {
            k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]
        }
        why = refusal(scope["method"], scope["path"], headers, self._own)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        if not why:
            await self._app(scope, receive, guarded)
            return
        text = f"refused: {why}\n".encode()
        plain = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(text)).encode()),
        ]
        await guarded({"type": "http.response.start", "status": 403, "headers": plain})
        await guarded({"type": "http.response.body", "body": text})
