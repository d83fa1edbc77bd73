"""The installer as policies go on and off, with a real API server and nftables."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab.apiserver import SERVER, ApiServer
from tests.doubles.node_root import NodeRoot
from vcnd.install import identity, layout, policies, units
from vcnd.install.host import InstallError
from vcnd.install.keeper import CONFIGURATION, Keeper
from vcnd.linux.layout import POLICY_TABLES
from vcnd.log import log

REPOSITORY = Path(__file__).parents[2]
SECONDS = 30.0
CONFIG = """
[kubernetes]
kubeconfig = "/etc/vcnd/kubeconfig"
[policy]
enforcement = "{}"
"""
USERS = "vcnd:x:998:998::/:/bin/false\nvcnd-policy:x:997:997::/:/bin/false\n"
POLICY_STARTS = ("systemctl", "restart", "vcnd-policy.service")
DAEMON_STARTS = ("systemctl", "restart", "vcnd.service")
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
BINDING = (
    "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings/vcnd-policy"
)


class Installer:
    """The installer's pod on a node that runs no systemd."""

    def __init__(self, root: Path, configuration: Path, pod: Path) -> None:
        self.node = NodeRoot(root)
        self._configuration = configuration
        self.keeper = Keeper(
            self.node,
            node_name="one",
            configuration=configuration,
            api_server=SERVER,
            pod=pod,
        )

    def configure(self, enforcement: str) -> None:
        self.node.ran.clear()
        self._configuration.write_text(CONFIG.format(enforcement))

    def has_run(self, *commands: tuple[str, ...]) -> bool:
        """Return True if commands ran in this order."""
        at = [
            self.node.ran.index(command)
            for command in commands
            if command in self.node.ran
        ]
        return len(at) == len(commands) and at == sorted(at)

    def token(self) -> bytes | None:
        return self.node.read(f"{identity.POLICY.folder}/token")


@pytest.fixture
def installer(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installer]:
    """Give the installer the files of its pod and image, and a node with its tree."""
    pod, image, root = (tmp_path / name for name in ("pod", "image", "root"))
    for folder in (pod, image, root / "etc", root / "opt/vcnd/v1"):
        folder.mkdir(parents=True)
    (image / "version").write_text("v1\n")
    conflist = REPOSITORY / "cni/10-vcnd.conflist"
    (image / conflist.name).write_bytes(conflist.read_bytes())
    (root / "etc/passwd").write_text(USERS)
    one = server.admin("GET", "/api/v1/nodes/one").json()
    (pod / "token").write_text(server.node_token(one))
    (pod / "namespace").write_text("kube-system")
    (pod / "ca.crt").write_bytes((server.directory / "apiserver.crt").read_bytes())
    monkeypatch.setattr(layout, "IMAGE", str(image))
    monkeypatch.setattr(units, "SOURCE", REPOSITORY / "systemd")
    monkeypatch.setattr(units, "SETTINGS", REPOSITORY / "systemd/90-vcnd.conf")
    netns.attach("node", os.getpid())
    yield Installer(root, tmp_path / "vcnd.toml", pod)
    netns.nft("node", "flush ruleset\n")
    netns.remove("node")


@asynccontextmanager
async def runs(installer: Installer) -> AsyncIterator[None]:
    """Run the installer, with policies off at first."""
    installer.configure("off")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(installer.keeper.run)
        await until(lambda: installer.has_run(DAEMON_STARTS))
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture
async def running(installer: Installer) -> AsyncIterator[Installer]:
    async with runs(installer):
        yield installer


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(SECONDS):
        while not holds():
            await trio.sleep(0.05)


async def until_token_may_be_had(server: ApiServer, *, may: bool) -> None:
    """Return when the API server knows a change of its bindings."""
    attributes = {
        "verb": "create",
        "namespace": "kube-system",
        "resource": "serviceaccounts",
        "subresource": "token",
        "name": "vcnd-policy",
    }
    user = "system:serviceaccount:kube-system:vcnd"
    spec = {"user": user, "resourceAttributes": attributes}

    def is_known() -> bool:
        review = server.make(REVIEWS, {"spec": spec})
        return bool(review["status"]["allowed"]) is may

    await until(is_known)


async def test_policies_that_are_off_leave_units_alone(running: Installer) -> None:
    assert running.token() is None
    assert not any("vcnd-policy.service" in command for command in running.node.ran)


async def test_policies_go_on_before_the_daemon_asks(
    running: Installer, server: ApiServer
) -> None:
    running.configure("strict")
    await until(lambda: running.has_run(POLICY_STARTS, DAEMON_STARTS))
    token = (running.token() or b"").decode()
    path = "/apis/networking.k8s.io/v1/networkpolicies"
    assert server.as_token(token, "GET", path).is_success


async def test_policies_go_off_with_their_rules(running: Installer) -> None:
    running.configure("strict")
    await until(lambda: running.has_run(POLICY_STARTS, DAEMON_STARTS))
    for table in POLICY_TABLES:
        netns.nft("node", f"add table inet {table}\n")
    running.configure("off")
    await until(lambda: running.has_run(DAEMON_STARTS))
    assert ("systemctl", "stop", *policies.UNITS) in running.node.ran
    assert running.token() is None
    assert netns.nft_output("node", "list tables") == ""


@pytest.mark.parametrize("refused", ["harsh", 'strict"\n[nonsense]\nx = "'])
async def test_a_configuration_that_is_refused_changes_nothing(
    running: Installer, refused: str
) -> None:
    """Above all, policies stay in force."""
    running.configure("strict")
    await until(lambda: running.has_run(POLICY_STARTS, DAEMON_STARTS))
    for table in POLICY_TABLES:
        netns.nft("node", f"add table inet {table}\n")
    token, before = running.token(), running.node.read(CONFIGURATION)
    with log.collected() as told:
        running.configure(refused)
        await until(lambda: "configuration_refused" in {x["event"] for x in told})
    assert running.node.read(CONFIGURATION) == before
    assert (running.token(), running.node.ran) == (token, [])
    tables = netns.nft_output("node", "list tables").split()
    assert set(POLICY_TABLES) <= set(tables)


async def test_a_new_pod_leaves_the_node_as_it_is_if_it_cannot_be_configured(
    installer: Installer,
) -> None:
    installer.configure("harsh")
    with pytest.raises(InstallError, match=r"configuration cannot be used: .*harsh"):
        await installer.keeper.run()
    assert installer.node.ran == []
    assert installer.node.read(CONFIGURATION) is None


async def test_a_missing_right_changes_nothing_on_the_node(
    installer: Installer, server: ApiServer
) -> None:
    async with runs(installer):
        pass
    kept = server.admin("GET", BINDING).json()
    await until_token_may_be_had(server, may=True)  # else this waits for nothing
    server.admin("DELETE", BINDING)
    try:
        await until_token_may_be_had(server, may=False)
        installer.configure("strict")
        before = installer.node.read(CONFIGURATION)
        with trio.fail_after(SECONDS):
            with pytest.raises(InstallError, match="vcnd-policy gets no token"):
                await installer.keeper.run()
        assert installer.node.read(CONFIGURATION) == before
        assert installer.node.ran == []
    finally:
        meta = {"name": kept["metadata"]["name"], "namespace": "kube-system"}
        server.make(BINDING.rpartition("/")[0], {**kept, "metadata": meta})
    await until_token_may_be_had(server, may=True)
