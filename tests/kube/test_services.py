"""ServiceCIDRs as the API server sends them."""

import json
from pathlib import Path

import pytest

from tests.doubles.apiserver import MemoryApiServer
from vcnd.kube import services
from vcnd.kubeapi.errors import KubeError


def listed(*cidrs: list[str]) -> str:
    items = [{"metadata": {"name": "x"}, "spec": {"cidrs": c}} for c in cidrs]
    return json.dumps({"kind": "ServiceCIDRList", "items": items})


async def test_networks_of_all_objects_are_read(tmp_path: Path) -> None:
    server = MemoryApiServer()
    server.list_text = listed(["10.96.0.0/12", "fd00:9::/108"], ["10.112.0.0/16"])
    found = await services.networks(server.client(tmp_path))
    assert found == ("10.112.0.0/16", "10.96.0.0/12", "fd00:9::/108")
    assert [r.url.path for r in server.asked] == [services.PATH]


@pytest.mark.parametrize("body", ["[]", "{", listed(["10.96.0.1/12"]), listed(["x"])])
async def test_networks_that_make_no_sense_are_refused(
    tmp_path: Path, body: str
) -> None:
    server = MemoryApiServer()
    server.list_text = body
    with pytest.raises(KubeError, match="the answer makes no sense: "):
        await services.networks(server.client(tmp_path))
