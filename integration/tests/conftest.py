"""One lab for all tests: two nodes, started once.

pytest runs these inside the enclosure (``integration.verify``): network, mount
and process namespaces of their own, as root or as a plain user.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio
from rich.console import Console

from integration import leaks
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.machines import MACHINES, Machine
from integration.lab.apiserver import ApiServer, programs, running
from integration.lab.bare import BareStage, bare_stage
from integration.lab.lab import Lab, running_lab, world_text
from integration.tests.express import skip_without_lane
from integration.tests.kube import made_node
from integration.tests.policy_process import Process
from integration.tests.policy_stage import Stage

SOON_SECONDS = 30.0
"""Within this, on any machine; it takes less than one."""
POOL = {"batch": 6, "cooling_seconds": 0.2, "audit_seconds": 2.0}


@pytest.fixture(scope="session", autouse=True)
def _no_file_has_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search what daemons and servers of all tests have written (I12)."""
    yield
    leaks.refuse(tmp_path_factory.getbasetemp())


@pytest.fixture(params=MACHINES, ids=lambda m: m.name)
def machine(request: pytest.FixtureRequest) -> Machine:
    """A machine whose programs run here, by themselves or in an emulator."""
    made: Machine = request.param
    if missing := made.lacks():
        pytest.skip(missing)
    return made


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Two nodes with their daemons, warm."""
    text = world_text(nodes=2, seed=1, slow=False)
    async with running_lab(text, tmp_path, nodes=["node1", "node2"], pool=POOL) as made:
        async with trio.open_nursery() as starting:
            for node in made.nodes:
                starting.start_soon(node.start)
        for node in made.nodes:
            await node.until_warm(4)
        yield made


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[Lab]:
    """One node, warm, whose daemon audits by request only."""
    text = world_text(nodes=1, seed=1, slow=False)
    pool = {**POOL, "audit_seconds": 3600.0}
    async with running_lab(text, tmp_path, nodes=["node1"], pool=pool) as made:
        await made.nodes[0].start()
        await made.nodes[0].until_warm(4)
        yield made


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    try:
        found = programs(Cache(Console(stderr=True)))
    except BuildError as error:
        pytest.skip(str(error))
    with running(found, tmp_path_factory.mktemp("apiserver")) as made:
        made.deploy()
        made_node(made, "one")
        made_node(made, "two")
        yield made


@pytest.fixture
def server(api_server: ApiServer) -> ApiServer:
    """A real API server with two nodes and, at first, no pod."""
    listed = api_server.admin("GET", "/api/v1/namespaces").json()["items"]
    for name in (n["metadata"]["name"] for n in listed):
        path = f"/api/v1/namespaces/{name}/pods?gracePeriodSeconds=0"
        assert api_server.admin("DELETE", path).is_success
    return api_server


@pytest.fixture(scope="module")
def bare(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[BareStage]:
    """Two nodes without a cloud, for all tests of a module.

    A parameter says how long a flow counts as proven (``integration.tests.express``).
    """
    lasts: float = getattr(request, "param", 0.0)
    with bare_stage(tmp_path_factory.mktemp("bare"), lasts=lasts) as made:
        yield made


@pytest.fixture
def stage(bare: BareStage) -> Iterator[BareStage]:
    """The same nodes, with the express lane on and without pods."""
    skip_without_lane(bare)
    yield bare
    bare.clear()


@pytest.fixture
def process(stage: Stage, tmp_path: Path) -> Iterator[Process]:
    """vcnd-policy of a module's node (``policy_stage``); a test starts it."""
    kubeconfig = stage.server.write_kubeconfig(stage.server.admin_token)
    made = Process(tmp_path, kubeconfig)
    yield made
    made.kill()
