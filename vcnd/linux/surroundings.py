"""The node's firewalls and settings, kept so that pods work."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Never

import trio

from vcnd.core.repairs import Repairs
from vcnd.linux.forwarding import Forwarding
from vcnd.linux.layout import POLICY_TABLES, Layout
from vcnd.linux.node_problems import NodeProblems
from vcnd.linux.settings import Settings
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.place import PlaceKind


class Surroundings:
    """Parts of the node that others own and pods depend on."""

    def __init__(
        self,
        layout: Layout,
        *,
        vnics: Callable[[], Sequence[VnicLink]],
        pod_links: Callable[[], Iterable[str]],
        uses_ipv6: Callable[[], bool],
        restore: Callable[[], Awaitable[object]],
        repairs: Repairs,
    ) -> None:
        self.problems = NodeProblems()
        self._forwarding = Forwarding(
            accept=layout.forward_accept,
            link_prefix=layout.link_prefix,
            own_tables={layout.nft_table, *POLICY_TABLES},
        )
        self._settings = Settings(
            vnics=vnics,
            pod_links=pod_links,
            uses_ipv6=uses_ipv6,
            restore=restore,
            repairs=repairs,
        )

    def hear_nft(self, data: bytes | None) -> None:
        """Take note of nft's events; None when some were lost."""
        self._forwarding.hear(data)

    def resume(self) -> None:
        """Check the node again after a withdrawal."""
        self._forwarding.resume()

    def fit_primary(self) -> None:
        """Set the primary VNIC's settings; called when its link is known."""
        self._settings.loosen_primary()

    async def remove_accepts(self) -> None:
        """Delete the rules that let pods pass in others' chains, until ``resume``.

        Raises:
            FirewallError: some may be left.
        """
        await self._forwarding.withdraw()

    async def put_settings_back(self) -> None:
        """Set the primary VNIC's settings as they were; its link must be ours no more.

        Raises:
            OSError: one could not be read or changed.
        """
        self._settings.put_primary_back()

    async def run(self) -> Never:
        """Check at the start, and whenever something changes."""
        report = self.problems.report
        try:
            async with trio.open_nursery() as both:
                both.start_soon(
                    self._forwarding.run, partial(report, PlaceKind.FIREWALL)
                )
                both.start_soon(self._settings.run, partial(report, PlaceKind.SETTINGS))
        finally:
            self._settings.close()
        raise AssertionError("watchers never end")
