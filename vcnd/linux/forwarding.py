"""Keeps pods' accepts in firewalls' FORWARD chains that drop (``forward_accept``).

A firewall's reload removes them; vcnd hears of it and inserts them again.
"""

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any, Never

import trio

from vcnd.foreign import UNDECODABLE
from vcnd.linux import legacy_iptables
from vcnd.linux.firewalls import (
    ChainName,
    ForwardChain,
    additions,
    forward_chains,
    judge,
    removals,
)
from vcnd.log import log
from vcnd.model.cause import Cause, Fault
from vcnd.model.errors import TryAgainError
from vcnd.netlink import nftables
from vcnd.netlink.messages import attributes, messages

NFT = ["/usr/sbin/nft", "-j", "-f", "-"]
FAMILY_NAMES = {1: "inet", 2: "ip", 10: "ip6"}
NEWCHAIN, DELCHAIN, NEWRULE, DELRULE, DELTABLE = 3, 5, 6, 8, 2
TABLE, RULE_CHAIN, CHAIN_NAME, CHAIN_HOOK = 1, 2, 3, 4
PAUSE_SECONDS = 0.1
"""A firewall reloads in several transactions: wait for the last one."""
SPACING_SECONDS = 0.3
"""Least time between two checks: kube-proxy writes rules all the time."""
AGAIN_SECONDS = 60.0
"""Check at least this often: legacy iptables has no events."""

Problems = Mapping[str, Fault]
"""Chain → why it is a problem, and what to do."""


TRIES = 3
UNREADABLE = (OSError, *UNDECODABLE, LookupError, TypeError, AttributeError)
"""Errors of a missing program, or of JSON in an unknown form."""


class FirewallError(TryAgainError):
    """A call of nft was refused."""

    cause = Cause.RULES_UNREADABLE


class Forwarding:
    """Checks foreign chains at the forward hook."""

    def __init__(self, *, accept: bool, link_prefix: str, own_tables: set[str]) -> None:
        self._accept = accept
        self._link_prefix = link_prefix
        self._own_tables = own_tables
        self._watched: set[tuple[str, str, str]] = set()
        self._heard = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self._withdrawn = False

    def hear(self, data: bytes | None) -> None:
        """Take note of nft's events; None when some were lost."""
        if data is None or self._concerns_us(data):
            self._heard.set()

    def _concerns_us(self, data: bytes) -> bool:
        for kind, _, body in messages(data):
            if kind >> 8 != nftables.NFNL_SUBSYS_NFTABLES:
                continue
            match kind & 0xFF:
                case x if x in (NEWRULE, DELRULE):
                    if self._is_watched(body, RULE_CHAIN):
                        return True
                case x if x in (NEWCHAIN, DELCHAIN):
                    hooked = CHAIN_HOOK in attributes(body[4:])
                    if hooked or self._is_watched(body, CHAIN_NAME):
                        return True
                case _:
                    pass  # a table's deletion tells of each of its chains
        return False

    def _is_watched(self, body: bytes, chain: int) -> bool:
        parts = attributes(body[4:])
        names = (_text(parts.get(TABLE, b"")), _text(parts.get(chain, b"")))
        return (FAMILY_NAMES.get(body[0], ""), *names) in self._watched

    async def run(self, report: Callable[[Problems], None]) -> Never:
        """Check at each event, and report what is wrong."""
        while True:
            self._heard = trio.Event()
            report(await self.find_problems())
            await trio.sleep(SPACING_SECONDS)
            with trio.move_on_after(AGAIN_SECONDS):
                await self._heard.wait()
            await trio.sleep(PAUSE_SECONDS)

    async def find_problems(self) -> Problems:
        """Insert missing accepts; return the chains that still drop pods' packets."""
        if self._withdrawn:
            return {}
        try:
            return await trio.to_thread.run_sync(
                self._find_problems, limiter=self._thread
            )
        except UNREADABLE as error:
            log.error("firewall_not_read", reason=repr(error))
            return {"rules": _unreadable(error)}

    def _find_problems(self) -> Problems:
        problems: dict[str, Fault] = {}
        watched: set[tuple[str, str, str]] = set()
        for name, policy in self._foreign().items():
            watched.add((name.family, name.table, name.name))
            try:
                chain = _judged(name, policy, self._link_prefix)
            except FirewallError as error:
                # Most likely deleted since it was listed: that has its own event.
                log.info("firewall_not_read", chain=str(name), reason=str(error))
                continue
            except UNREADABLE as error:
                problems[str(name)] = _unreadable(error)
                continue
            watched |= {(name.family, name.table, c) for c in chain.visited}
            fault = self._let_pass(chain) if chain.missing else None
            if fault is not None:
                problems[str(name)] = fault
        self._watched = watched
        problems.update(
            legacy_iptables.problems(self._link_prefix, accept=self._accept)
        )
        return problems

    def _let_pass(self, chain: ForwardChain) -> Fault | None:
        """Insert a chain's missing accepts; return why it drops pods' packets still."""
        if not self._accept:
            return Fault(
                Cause.PACKETS_DROPPED,
                "drops pods' packets: set [node] forward_accept = true, or accept"
                f" {self._link_prefix}+ in and out before the rule that drops",
            )
        try:
            _nft(additions(chain, self._link_prefix))
        except FirewallError as error:
            return Fault(
                Cause.ACCEPT_REFUSED,
                f"drops pods' packets, and takes no accept for them ({error}):"
                " docs/operations.md, FORWARD chains",
            )
        log.info("forward_accept_inserted", chain=str(chain.chain))
        return None

    def _foreign(self) -> Mapping[ChainName, str]:
        try:
            listed = _nft([{"list": {"chains": None}}])
        except FirewallError as error:
            log.info("firewall_not_read", reason=str(error))
            return {}
        return forward_chains(listed, self._own_tables)

    async def withdraw(self) -> None:
        """Delete our rules everywhere, and insert none until ``resume``.

        Raises:
            FirewallError: others' chains could not be read or changed.
        """
        self._withdrawn = True
        try:
            await trio.to_thread.run_sync(
                lambda: remove(self._link_prefix), limiter=self._thread
            )
        except UNREADABLE as error:
            raise FirewallError(f"cannot be read: {error!r}") from error

    def resume(self) -> None:
        """Insert again after a withdrawal."""
        if self._withdrawn:
            self._withdrawn = False
            self._heard.set()


class _Rules:
    """The rules of a table's chains, each asked for once."""

    def __init__(self, family: str, table: str) -> None:
        self._names = {"family": family, "table": table}
        self._known: dict[str, list[dict[str, Any]]] = {}

    def __call__(self, chain: str) -> list[dict[str, Any]]:
        if chain not in self._known:
            listed = _nft([{"list": {"chain": {**self._names, "name": chain}}}])
            entries = listed.get("nftables", [])
            self._known[chain] = [e["rule"] for e in entries if "rule" in e]
        return self._known[chain]


def remove(link_prefix: str) -> None:
    """Delete our rules from all chains at the forward hook.

    Raises:
        FirewallError: nft refused.
    """
    try:
        for left in reversed(range(TRIES)):
            try:
                _remove(link_prefix)
                break
            except FirewallError as error:
                # A chain may have gone since it was listed, even one of ours.
                if not left:
                    raise
                log.info("firewall_not_read", reason=str(error))
    finally:
        legacy_iptables.remove(link_prefix)


def _remove(link_prefix: str) -> None:
    listed = _nft([{"list": {"chains": None}}])
    unread: Exception | None = None
    for name, policy in forward_chains(listed, ()).items():
        try:
            commands = removals(_judged(name, policy, link_prefix))
        except UNREADABLE as error:
            unread = error  # it stops the removal from no other chain
            continue
        if commands:
            _nft(commands)
            log.info("forward_accept_removed", chain=str(name))
    if unread is not None:
        raise FirewallError(f"cannot be read: {unread!r}")


def _nft(commands: list[dict[str, Any]]) -> dict[str, Any]:
    """Run commands of nft's JSON; return what they list.

    Raises:
        FirewallError: nft refused.
    """
    done = subprocess.run(
        NFT,
        input=json.dumps({"nftables": commands}),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise FirewallError(words[0] if words else f"nft ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
    return found


def _judged(name: ChainName, policy: str, link_prefix: str) -> ForwardChain:
    return judge(name, policy, _Rules(name.family, name.table), link_prefix)


def _unreadable(error: Exception) -> Fault:
    return Fault(Cause.RULES_UNREADABLE, f"cannot be read: {error!r}")


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
