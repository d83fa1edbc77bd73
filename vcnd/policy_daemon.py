"""The composition root of vcnd-policy: builds its rooms, starts and stops.

The rules outlive the process: it leaves them in force when it stops, and does not take
them away when it starts.
"""

import gc
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Never, Protocol

import trio

from vcnd import ending, metrics_port
from vcnd.aside import aside
from vcnd.config import Config
from vcnd.core.policy.drops import Counted
from vcnd.core.policy.tally import Tally
from vcnd.kube.policy.proposals import proposals
from vcnd.kube.policy.source import PolicySource
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.linux import nft
from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.policy.denied_log import DeniedLog
from vcnd.linux.policy.host import PolicyHost
from vcnd.linux.policy.look import PolicyLook
from vcnd.log import log
from vcnd.model.policy_status import FollowedStatus, PolicyStatus
from vcnd.policy.answers import Answers
from vcnd.policy.counts import Counts
from vcnd.policy.denials import Denials, Heard
from vcnd.policy.engine import Engine, Host, Source
from vcnd.policy.meter import Meter
from vcnd.policy.metrics import Metrics
from vcnd.serve.policy_verbs import PolicyVerbs
from vcnd.serve.server import Server
from vcnd.systemd import Systemd

FIRST_RULES_SECONDS = 2.0
"""The unit counts as ready then, even if the API server does not answer."""
OFF_STATUS = 78
"""The exit status where policies are off: the unit does not start it again."""
START_SECONDS = 10.0
"""By then all is imported, and the first lists are read."""


class FollowingSource(Source, Protocol):
    """Where policies and pods are followed, as the process needs it."""

    async def run(self, *, task_status: trio.TaskStatus[None]) -> Never:
        """Follow for ever."""

    def report(self) -> FollowedStatus:
        """Return what is known of the cluster."""


class CountingHost(Host, Protocol):
    """The node's kernel, as the process needs it."""

    async def counters(self) -> Mapping[Counted, int]:
        """Return the packets that the rules' counters have counted."""

    def take_gate(self, descriptor: int) -> None:
        """Take the express lane's gate."""


def source_of(config: Config) -> FollowingSource:
    """Return the source that the configuration names."""
    if config.policy.manifests:
        # Reads YAML, which no node of a cluster needs.
        from vcnd.kube.policy.files import PolicyFiles  # noqa: PLC0415

        return PolicyFiles(Path(config.policy.manifests))
    kubeconfig = config.policy.kubeconfig or config.kubernetes.kubeconfig
    client = KubeClient(Credentials(Path(kubeconfig)))
    return PolicySource(
        client,
        random=Random(),  # noqa: S311 - jitter, no secret
        node=config.kubernetes.node_name,
    )


async def run(
    config: Config,
    *,
    listeners: list[socket.socket],
    systemd: Systemd,
    allowed_uids: Collection[int],
    stop: trio.Event,
) -> int:
    """Keep policies in force until ``stop``; return the exit status.

    It returns at once if they are off.
    """
    if config.policy.enforcement == "off":
        await _switch_off(listeners, systemd)
        return OFF_STATUS
    tally = Tally()
    made = PolicyHost(
        config.layout(),
        logged_per_second=config.policy.denied_per_second,
        ended=tally.end,
    )
    with closing(made) as host:
        await keep(
            config,
            source=source_of(config),
            host=host,
            tally=tally,
            listen=DeniedLog,
            listeners=listeners,
            systemd=systemd,
            allowed_uids=allowed_uids,
            stop=stop,
        )
    log.info("stopped")
    return 0


async def keep(
    config: Config,
    *,
    source: FollowingSource,
    host: CountingHost,
    tally: Tally,
    listen: Callable[[], Heard],
    listeners: list[socket.socket],
    systemd: Systemd,
    allowed_uids: Collection[int],
    stop: trio.Event,
) -> None:
    """Keep policies in force, tell of what they deny, and answer, until ``stop``."""
    meter = Meter()
    strict = config.policy.enforcement == "strict"
    node = config.kubernetes.node_name
    engine = Engine(source, host, strict=strict, meter=meter, node=node)
    counts = Counts(tally, host.counters)
    report = partial(_report, config, source, engine)
    metrics = Metrics(
        report=report, known=lambda: engine.known, counts=counts, meter=meter
    )
    answers = Answers(source, host, PolicyLook(), proposals, strict=strict)
    verbs = PolicyVerbs(
        report=report,
        admit=engine.admit,
        show=answers.show,
        explain=answers.explain,
        dry_run=answers.dry_run,
        take_gate=host.take_gate,
        metrics=metrics.reading,
    )
    server = Server(verbs, allowed_uids=allowed_uids)
    async with ending.rooms() as rooms:
        await rooms.start(systemd.feed_watchdog)
        rooms.start_soon(_spare_the_collector)
        await rooms.start(source.run)
        rooms.start_soon(engine.run)
        if config.policy.denied_per_second:
            denials = Denials(listen, counts, lambda: engine.known)
            rooms.start_soon(aside, "denials", denials.run)
        if config.policy.metrics:
            rooms.start_soon(metrics_port.serve, config.policy.metrics, metrics.read)
        for listener in listeners:
            rooms.start_soon(server.serve, listener, rooms)
        # The daemon starts after that, and pods after the daemon.
        await engine.until_tried()
        with trio.move_on_after(FIRST_RULES_SECONDS):
            await engine.until_in_force()
        systemd.notify("READY=1")
        log.info("policies_followed", in_force=engine.is_in_force)
        await stop.wait()
        systemd.notify("STOPPING=1")
        rooms.cancel_scope.cancel()


def _report(config: Config, source: FollowingSource, engine: Engine) -> PolicyStatus:
    return PolicyStatus(
        enforcement=config.policy.enforcement,
        cluster=source.report(),
        rules=engine.report(),
    )


async def _switch_off(listeners: list[socket.socket], systemd: Systemd) -> None:
    """Take our tables away: without this process nobody would change them."""
    for table in reversed(POLICY_TABLES):  # the guard first: it needs the other one
        await trio.to_thread.run_sync(nft.remove, table)
    systemd.notify("READY=1")
    log.info("policies_off")
    for listener in listeners:
        # A caller left in the queue would make systemd start the process again.
        while (caller := _waiting(listener)) is not None:
            caller.close()


def _waiting(listener: socket.socket) -> socket.socket | None:
    try:
        return listener.accept()[0]
    except OSError:
        return None


async def _spare_the_collector() -> None:
    """Take what the start made out of the garbage collector's sight, once."""
    await trio.sleep(START_SECONDS)
    gc.collect()
    gc.freeze()
