"""Which cloud answers this process, and the patches that lead requests to it."""

import threading
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

from fakeoci.mocking import pools
from fakeoci.mocking.cloud import Cloud
from fakeoci.mocking.guard import Guard
from fakeoci.mocking.hosts import is_oci

DOMAIN = "mock-oci.invalid"  # a name that no resolver finds (RFC 2606)


@dataclass(frozen=True, eq=False)
class Mocked:
    """One use of a cloud."""

    cloud: Cloud
    allow: Collection[str]


class Interception:
    """The clouds in use; the one that began last answers all callers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guard = Guard()
        self._numbers = count(1)
        self._mocked: dict[str, Mocked] = {}
        """By the domain that stands for a cloud, in the order in which they began."""
        self._installed = ExitStack()

    def begin(self, mocked: Mocked) -> None:
        """Make a cloud answer from now on."""
        with self._lock:
            if not self._mocked:
                self._installed.enter_context(self._guard.closed())
                self._installed.enter_context(pools.patched(self._route, self._find))
            self._mocked[f"{next(self._numbers)}.{DOMAIN}"] = mocked
            self._guard.allow(mocked.allow)

    def end(self, mocked: Mocked) -> None:
        """End a cloud; the one before it answers again, if any."""
        with self._lock:
            self._mocked = {k: v for k, v in self._mocked.items() if v is not mocked}
            if self._mocked:
                self._guard.allow(self._last()[1].allow)
            else:
                self._installed.close()
        mocked.cloud.close()

    def _last(self) -> tuple[str, Mocked]:
        return next(reversed(self._mocked.items()))

    def _route(self, host: str) -> str | None:
        if not self._mocked or host.endswith(DOMAIN):
            return None  # a patch that another tool kept calls the original
        if not is_oci(host):
            self._guard.check(host)
            return None
        domain, _ = self._last()
        return f"{host.replace(':', '-')}.{domain}"

    def _find(self, host: str) -> Cloud | None:
        stands_for, is_ours, _ = host.rpartition(f".{DOMAIN}")
        if not is_ours:
            return None  # 127.0.0.1 ends as the first cloud's name does
        mocked = self._mocked.get(f"{stands_for.rpartition('.')[2]}.{DOMAIN}")
        return None if mocked is None else mocked.cloud


PROCESS = Interception()
