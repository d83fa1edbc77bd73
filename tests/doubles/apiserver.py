"""An API server in memory, behind httpx2: a test sets its lists and watches."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import trio

from fakeoci.api.garble import garble
from tests.doubles.server import Pieces, Reply, kube
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials

TOO_LARGE = json.dumps(
    {
        "message": "Timeout: Too large resource version: 10, current: 9",
        "reason": "Timeout",
        "code": 504,
    }
)


class _Lines(httpx2.AsyncByteStream):
    """A watch: it sends its lines at once, then is silent, then ends."""

    def __init__(self, lines: list[str], ends_after: float) -> None:
        self._lines = lines
        self._ends_after = ends_after

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for line in self._lines:
            await trio.lowlevel.checkpoint()
            yield f"{line}\n".encode()
        await trio.sleep(self._ends_after)


def _answer(
    status: int, text: str, headers: dict[str, str] | None = None
) -> httpx2.Response:
    stream = Pieces(Reply(body=text.encode()))
    return httpx2.Response(status, headers=headers, stream=stream)


class MemoryApiServer(httpx2.AsyncBaseTransport):
    """Answers lists and watches of any path."""

    def __init__(self) -> None:
        self.items: dict[str, list[Any]] = {}
        """The objects of each list, by path."""
        self.lines: dict[str, list[str]] = {}
        """Lines of the next watch of a path; they are sent once."""
        self.always: list[str] = []
        """The first lines of every watch."""
        self.version = 10
        """The version of every list; a newer one is refused."""
        self.ends_after = 3600.0
        """Seconds between a watch's last line and its end."""
        self.watch_status = 200
        self.retry_after = ""
        self.list_text: str | None = None
        """The body of every list, in place of the items."""
        self.page_statuses: list[int] = []
        """Statuses of the next pages of lists, the first ones left out."""
        self.refusals: list[int] = []
        """Statuses of the next writes; after these they succeed."""
        self.asked: list[httpx2.Request] = []
        self.garbage: tuple[Callable[[httpx2.Request], bool], str] | None = None
        """A predicate for the next request to garble, and a mutation of ``garble``."""

    def client(self, folder: Path) -> KubeClient:
        """Return a client that has this server behind its transport."""
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "http://api"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return KubeClient(Credentials(path), kube(self))

    def count(self, *, watches: bool) -> int:
        return sum(("watch" in r.url.params) is watches for r in self.asked)

    def count_lists(self) -> int:
        """Return how many whole lists were asked for; a comparison is none."""
        asked = (r.url.params for r in self.asked)
        return sum(not {"watch", "resourceVersionMatch"} & {*q} for q in asked)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await trio.lowlevel.checkpoint()
        self.asked.append(request)
        if self.garbage is not None and self.garbage[0](request):
            how, self.garbage = self.garbage[1], None
            return self._garbled(request, how)
        return self._answer(request)

    def _garbled(self, request: httpx2.Request, how: str) -> httpx2.Response:
        """Return the answer garbled; of a watch, its first line."""
        path = request.url.path
        if "watch" in request.url.params:
            item = self.items.get(path, [{}])[0]
            text = json.dumps({"type": "MODIFIED", "object": item}) + "\n"
        elif request.method == "GET":
            text = self._list(path)
        else:
            text = json.dumps({"kind": "Any", "metadata": {"name": "any", "uid": "1"}})
        made = garble(how, status=200, headers={}, body=text.encode())
        pieces: bytes | list[bytes] = made.body
        if made.pause_seconds:
            pieces = [bytes([byte]) for byte in made.body]
        return httpx2.Response(
            made.status,
            headers=[(k.encode(), v) for k, v in made.headers.items()],
            stream=Pieces(Reply(body=pieces, pause_seconds=made.pause_seconds)),
        )

    def _list(self, path: str) -> str:
        items = self.items.get(path, [])
        meta = {"resourceVersion": str(self.version)}
        return json.dumps({"metadata": meta, "items": items})

    def _page(self, path: str, query: httpx2.QueryParams) -> str:
        """Return a page; a token is the number of the first object of the next one."""
        items, begin = self.items.get(path, []), int(query.get("continue", 0))
        end = begin + int(query.get("limit", len(items)))
        meta = {"resourceVersion": str(self.version)}
        if end < len(items):
            meta["continue"] = str(end)
        return json.dumps({"metadata": meta, "items": items[begin:end]})

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if request.method != "GET":
            status = self.refusals.pop(0) if self.refusals else 200
            return _answer(status, "{}")
        if "watch" not in request.url.params:
            query = request.url.params
            if int(query.get("resourceVersion", 0)) > self.version:
                return _answer(504, TOO_LARGE)
            if "continue" in query and self.page_statuses:
                status = self.page_statuses.pop(0)
                if status != 200:
                    return _answer(status, json.dumps({"code": status}))
            text = self._page(path, query) if self.list_text is None else self.list_text
            return _answer(200, text)
        if self.watch_status != 200:
            headers = {"retry-after": self.retry_after} if self.retry_after else {}
            return _answer(self.watch_status, "{}", headers)
        lines = [*self.always, *self.lines.pop(path, [])]
        return httpx2.Response(200, stream=_Lines(lines, self.ends_after))
