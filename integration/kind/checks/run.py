"""The order of the checks, and the run of each."""

import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from integration.build.cache import Cache
from integration.checking import CheckError
from integration.kind.checks import (
    basics,
    chart,
    demand,
    express,
    faults,
    lifecycle,
    migration,
    paths,
    plugin,
    policy,
    policy_first,
    policy_live,
    removal,
    requests,
    sandbox,
    secrets,
    services,
    traffic,
)
from integration.kind.checks.conformance import conformance
from integration.kind.checks.stage import NAMESPACE, Stage
from integration.kind.cloud import Cloud
from integration.kind.cluster import Cluster
from integration.kind.docker import DockerError

Check = Callable[[Stage], str]

CHECKS: tuple[Check, ...] = (
    basics.nodes_ready,
    basics.pods_have_private_ips,
    basics.get_npn_shows_success,
    basics.cross_node_unencapsulated,
    services.service_clusterip,
    services.service_nodeport,
    services.nodeport_local_keeps_source,
    services.hostport,
    services.dns,
    basics.probes_exec_logs,
    plugin.kubectl_vcnd,
    express.express_lane,
    traffic.from_peered_vcn,
    traffic.from_onprem,
    traffic.egress_source_preserved,
    traffic.nsg_blocks_pod,
    services.services_nftables,
    policy.policy_default_deny,
    policy.policy_ports_and_peers,
    policy.policy_ipblock,
    policy.policy_dual_stack,
    policy.cluster_policy_tiers,
    policy_first.policy_first_packet,
    policy_first.policy_first_syn,
    policy_live.policy_change_cuts_flow,
    policy_live.policy_process_killed,
    paths.check_passes,
    paths.check_names_broken_path,
    demand.demand_before_add,
    demand.subnet_full_event,
    sandbox.sandbox_of_units,
    faults.daemon_killed,
    faults.api_server_away,
    faults.cloud_away,
    faults.bad_network_is_told,
    lifecycle.upgrade_under_load,
    chart.helm_upgrade_and_rollback,
    lifecycle.node_reboot,
    # After the reboot: a class's VNIC is detached minutes after its last pod ended.
    requests.pod_nsg_annotation,
    requests.fixed_address_survives,
    demand.rollout_churn,
    conformance,
    secrets.no_secret_written,
    lifecycle.node_deleted,
    removal.uninstall_leaves_nothing,
)
APART: tuple[Check, ...] = (migration.from_flannel,)
"""Run only by name: the cluster is of no other use after them."""
DEFAULT = tuple(c.__name__ for c in CHECKS)
LONG = (
    services.services_nftables,
    policy_first.policy_first_packet,
    policy_first.policy_first_syn,
    lifecycle.upgrade_under_load,
    demand.rollout_churn,
    conformance,
)
"""Each takes minutes on two slow cores."""
QUICK = tuple(c.__name__ for c in CHECKS if c not in LONG)
NAMES = tuple(c.__name__ for c in (*CHECKS, *APART))


@contextmanager
def staged(cluster: Cluster, cache: Cache) -> Iterator[Stage]:
    """Create the checks' namespace, and delete it at the end."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    try:
        yield Stage(cluster=cluster, cloud=Cloud(cluster.docker), cache=cache)
    finally:
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


def checks(
    cluster: Cluster, cache: Cache, console: Console, names: Collection[str]
) -> list[dict[str, Any]]:
    """Run the checks of these names, in the order of all; return their results."""
    with staged(cluster, cache) as stage:
        basics.play(stage)
        chosen = [c for c in (*CHECKS, *APART) if c.__name__ in names]
        return [_run(stage, check, console) for check in chosen]


def _run(stage: Stage, check: Check, console: Console) -> dict[str, Any]:
    name, began = check.__name__, time.monotonic()
    with console.status(name):
        try:
            detail, ok = check(stage), True
        except CheckError as error:
            detail, ok = str(error), False
        except (DockerError, subprocess.SubprocessError, LookupError) as error:
            detail, ok = f"{type(error).__name__}: {error}", False
    took = round(time.monotonic() - began, 1)
    mark = "[green]ok[/]    " if ok else "[red]FAILED[/]"
    reason = "" if ok else f"\n         {detail[:600]}"
    console.print(f"  {mark} {name} [dim]{took} s[/]{reason}", markup=True)
    return {"name": name, "ok": ok, "detail": detail, "seconds": took}
