"""What ``./vcn bench datapath`` needs from outside its namespaces, made beforehand."""

from collections.abc import Callable

from integration.bench.datapath import flannel, kube_proxy, pathcost
from integration.build.cache import Cache
from integration.build.command import BuildError


def build(cache: Cache, say: Callable[[str], None]) -> None:
    """Compile pathcost, and build the peers' programs where Go can."""
    pathcost.compiled(cache)
    for programs in (flannel.programs, kube_proxy.programs):
        try:
            programs(cache)
        except BuildError as error:
            say(f"goes on without it: {error}")
