"""The daemon's token: bound to the Node if the server offers it, else the pod's."""

import json
import os
from pathlib import Path

import httpx2
import pytest

from tests.doubles import server as doubles
from tests.doubles.server import Reply
from vcnd.install.host import Host, InstallError
from vcnd.install.identity import DAEMON, POLICY, Account, kubeconfig, renew
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials

IDS = (os.getuid(), os.getgid())


def _json(status: int, body: dict[str, object]) -> Reply:
    return Reply(status=status, body=json.dumps(body).encode())


class Server:
    """Answers the two requests: for the Node and for a token."""

    def __init__(self) -> None:
        self.away = False
        self.status = 0
        """Of every answer, in place of the right ones; 0: none."""
        self.offers = True
        self.garbled: dict[str, str] = {}
        """Bodies of answers by method, in place of the right ones."""
        self.asked: list[dict[str, object]] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx2.Request) -> Reply:
        if self.away:
            raise httpx2.ConnectError("refused")
        if self.status:
            return _json(self.status, {"reason": "X", "message": "not now"})
        if request.method in self.garbled:
            return Reply(body=self.garbled[request.method].encode())
        if request.method == "GET":
            return _json(200, {"metadata": {"uid": "node-uid"}})
        if not self.offers:
            return _json(422, {"reason": "Invalid", "message": "Node"})
        self.asked.append(json.loads(request.content))
        self.paths.append(request.url.path)
        return _json(201, {"status": {"token": "of-the-node"}})


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    folder = tmp_path / "pod"
    folder.mkdir()
    for name, content in (
        ("ca.crt", ""),
        ("token", "of-the-pod"),
        ("namespace", "kube-system"),
    ):
        (folder / name).write_text(content)
    return folder


async def renewed(
    server: Server, pod: Path, root: Path, account: Account = DAEMON
) -> tuple[str, str]:
    path = pod / "kubeconfig"
    path.write_text(kubeconfig("https://api", ca="ca.crt", token="token"))  # noqa: S106
    client = KubeClient(Credentials(path), doubles.kube(doubles.Server(server)))
    host = Host(root)
    kind = await renew(host, client, "worker", IDS, account, pod=pod)
    await client.aclose()
    file = host.path(f"{account.folder}/token")
    assert file.stat().st_mode & 0o777 == 0o400
    return kind, file.read_text()


async def test_bound_to_the_node(tmp_path: Path, pod: Path) -> None:
    server = Server()
    assert await renewed(server, pod, tmp_path) == ("node", "of-the-node")
    (asked,) = server.asked
    spec = asked["spec"]
    assert isinstance(spec, dict)
    bound = spec["boundObjectRef"]
    assert (bound["kind"], bound["name"], bound["uid"]) == (
        "Node",
        "worker",
        "node-uid",
    )


async def test_server_that_binds_to_pods_only(tmp_path: Path, pod: Path) -> None:
    server = Server()
    server.offers = False
    assert await renewed(server, pod, tmp_path) == ("pod", "of-the-pod")


async def test_token_is_kept_while_the_server_is_away(
    tmp_path: Path, pod: Path
) -> None:
    server = Server()
    await renewed(server, pod, tmp_path)
    server.away = True
    assert await renewed(server, pod, tmp_path) == ("kept", "of-the-node")


@pytest.mark.parametrize("status", [401, 429, 500, 503])
@pytest.mark.parametrize("account", [DAEMON, POLICY])
async def test_token_is_kept_while_the_server_cannot_give_one(
    tmp_path: Path, pod: Path, status: int, account: Account
) -> None:
    server = Server()
    await renewed(server, pod, tmp_path, account)
    server.status = status
    assert await renewed(server, pod, tmp_path, account) == ("kept", "of-the-node")


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"status": {}}'])
@pytest.mark.parametrize("garbled", ["GET", "POST"])
async def test_token_is_kept_while_answers_make_no_sense(
    tmp_path: Path, pod: Path, garbled: str, body: str
) -> None:
    server = Server()
    await renewed(server, pod, tmp_path)
    server.garbled[garbled] = body
    assert await renewed(server, pod, tmp_path) == ("kept", "of-the-node")


async def test_the_policy_process_has_an_account_of_its_own(
    tmp_path: Path, pod: Path
) -> None:
    server = Server()
    assert await renewed(server, pod, tmp_path, POLICY) == ("node", "of-the-node")
    assert [path.split("/")[-2] for path in server.paths] == ["vcnd-policy"]
    assert (tmp_path / "etc/vcnd-policy/ca.crt").exists()
    assert not (tmp_path / "etc/vcnd").exists()


async def test_the_policy_process_never_gets_the_pods_token(
    tmp_path: Path, pod: Path
) -> None:
    server = Server()
    server.offers = False
    with pytest.raises(InstallError, match="vcnd-policy gets no token"):
        await renewed(server, pod, tmp_path, POLICY)
    assert not (tmp_path / "etc/vcnd-policy").exists()


async def test_the_policy_process_keeps_its_token_while_the_server_is_away(
    tmp_path: Path, pod: Path
) -> None:
    server = Server()
    await renewed(server, pod, tmp_path, POLICY)
    server.away = True
    assert await renewed(server, pod, tmp_path, POLICY) == ("kept", "of-the-node")
