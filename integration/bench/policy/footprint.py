"""Q5: resident memory of vcnd-policy, by the size of the cluster and after churn."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.bench.datapath.underlay import Place
from integration.bench.noise import Meter
from integration.bench.policy import populate, stage, synthetic
from integration.bench.policy.changes import PLACES
from integration.bench.policy.daemon import PolicyDaemon
from integration.bench.process import memory
from integration.bench.report import Report, row
from integration.bench.samples import Samples
from integration.build.cache import Cache
from integration.lab.apiserver import ApiServer

FEW, MANY = 1_000, 10_000
SETTLE_SECONDS = 13.0
"""After its start a process gives memory back once, after 10 s."""
BATCH = 500
WARM = 1_000
"""What the first pods allocate stays: buffers, lazily imported modules."""
FIRST, LAST = "before the churn", "after the churn"


def measure(
    directory: Path, cache: Cache, churn: int, progress: Callable[[str], None]
) -> Report:
    """Return the memory in MiB.

    Args:
        directory: takes files.
        cache: has the programs.
        churn: how many pods come and go.
        progress: is told how far it is.
    """
    meter, resident, after = Meter(), Samples(), Samples()
    stage.router()
    for pods, place in ((FEW, PLACES[0]), (MANY, PLACES[1])):
        data = stage.cluster_data(cache, pods, PLACES, progress)
        meter.tick()
        with (
            stage.api(cache, data, directory / str(pods)) as server,
            _daemon(server, place, directory) as one,
        ):
            progress(f"Q5: {pods} pods")
            resident.add(f"{pods} pods", [_settled(one)])
            if pods == MANY:
                _churn(server, WARM)
                after.add(FIRST, [_settled(one)])
                progress(f"Q5: {churn} pods come and go")
                _churn(server, churn)
                after.add(LAST, [_settled(one)])
    few, many = (resident.all(f"{pods} pods")[0] for pods in (FEW, MANY))
    first, last = (after.all(side)[0] for side in (FIRST, LAST))
    return Report(
        bench="policy",
        rows=[
            row("resident memory", "MiB", resident),
            row(f"resident memory, {churn} pods come and go", "MiB", after),
        ],
        values={
            "q5_rss_1000_pods_mib": round(few, 1),
            "q5_rss_10000_pods_mib": round(many, 1),
            "q5_rss_change_mib": round(abs(last - first), 2),
        },
        noise=meter.noise(),
    )


@contextmanager
def _daemon(server: ApiServer, place: Place, directory: Path) -> Iterator[PolicyDaemon]:
    """Run vcnd-policy on a node with pods and policies."""
    populate.make_policies(server, [*synthetic.policies()])
    names = stage.names(server, place)
    kubeconfig = server.write_kubeconfig(server.admin_token, stage.URL)
    with stage.node(place, names, express=False):
        made = PolicyDaemon(place.netns, kubeconfig, directory)
        try:
            made.start()
            yield made
        finally:
            made.kill()


def _settled(daemon: PolicyDaemon) -> float:
    time.sleep(SETTLE_SECONDS)
    return memory(daemon.pid).resident


def _churn(server: ApiServer, pods: int) -> None:
    """Start and delete pods on nodes that exist in the API only."""
    for first in range(0, pods, BATCH):
        some = synthetic.churned(first, min(BATCH, pods - first))
        populate.write(server, [populate.started(pod) for pod in some])
        populate.write(server, [populate.deleted(pod) for pod in some])
