"""Retry tokens on the wire: an AttachVnic without an answer is repeated as it was.

Another token would attach another VNIC.
"""

from collections.abc import Callable

from vcnd.ociapi.network import Request

HEADER = "opc-retry-token"
SERVER_ERROR = 500
UNAUTHORIZED = 401
THROTTLED = 429


class Tokens:
    """The AttachVnic of one node whose outcome its daemons do not know."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self._report = report
        self._unknown = ""

    def forget(self) -> None:
        """Note that the node has lost its journal, and the token with it."""
        self._unknown = ""

    def sent(self, request: Request) -> None:
        """Check I7: a request goes out."""
        token = _token(request)
        if not token:
            return
        if self._unknown not in ("", token):
            self._report("I7", "AttachVnic had no answer and is sent with a new token")
        self._unknown = token

    def answered(self, request: Request, status: int) -> None:
        """Note that the daemon got an answer."""
        final = status < SERVER_ERROR and status not in (UNAUTHORIZED, THROTTLED)
        if _token(request) and final:
            self._unknown = ""


def _token(request: Request) -> str:
    """Return the retry token of an AttachVnic; empty for other requests."""
    target = request.place.target
    if request.method != "POST" or not target.endswith("/vnicAttachments"):
        return ""
    return request.headers.get(HEADER, "")
