"""``fakeoci.serving()`` and the pytest plugin."""

import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import fakeoci
from fakeoci.world import worldfile
from vcnd.ociapi.signing import sign

PLUGIN = """
import httpx2
import pytest
from fakeoci.world import worldfile

@pytest.fixture
def fakeoci_world():
    return worldfile.bundled("two-classes")

def test_the_chosen_world_is_served(fakeoci_cloud):
    assert len(fakeoci_cloud.subnets) > 2
    with httpx2.Client() as client:
        assert client.get(f"{fakeoci_cloud.url}/fake/v1/world").status_code == 200
"""


def _get(cloud: fakeoci.Cloud, target: str) -> httpx2.Response:
    config = cloud.config
    key = load_pem_private_key(cloud.key_pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    headers = sign(
        method="GET",
        target=target,
        host=cloud.url.removeprefix("http://"),
        body=b"",
        key=key,
        key_id=f"{config['tenancy']}/{config['user']}/{config['fingerprint']}",
        now=time.time(),
    )
    with httpx2.Client() as client:
        return client.get(cloud.url + target, headers=headers)


@pytest.mark.slow
def test_the_configuration_signs_requests_that_the_cloud_accepts() -> None:
    with fakeoci.serving() as cloud:
        where = f"compartmentId={cloud.compartment}"
        answer = _get(cloud, f"/20160918/subnets?{where}")
        assert {s["id"] for s in answer.json()} == set(cloud.subnets.values())
        assert set(cloud.instances) >= {"node1", "node2", "node3"}
        assert cloud.tenancy == cloud.config["tenancy"]


def test_metadata_answers_for_the_chosen_instance() -> None:
    with fakeoci.serving(instance="node2") as cloud, httpx2.Client() as client:
        headers = {"authorization": "Bearer Oracle"}
        answer = client.get(f"{cloud.metadata_url}/instance/id", headers=headers)
        assert answer.text == cloud.instances["node2"]


@pytest.mark.slow
def test_tls_is_served_when_asked_for() -> None:
    with fakeoci.serving(tls=True) as cloud:
        trust = ssl.create_default_context(cadata=cloud.ca_pem)
        with httpx2.Client(verify=trust) as client:
            answer = client.get(f"{cloud.tls_url}/fake/v1/world")
            assert answer.status_code == 200
            assert client.get(f"{cloud.url}/fake/v1/world").json() == answer.json()
    with fakeoci.serving() as cloud:
        assert cloud.tls_url == ""


def test_an_unknown_instance_is_refused() -> None:
    with (
        pytest.raises(fakeoci.ServingError, match="no instance 'nodeX'"),
        fakeoci.serving(instance="nodeX"),
    ):
        pass


def test_a_port_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(fakeoci.ServingError, match=f"127.0.0.1:{port}: .*in use"),
            fakeoci.serving(port=port),
        ):
            pass


def test_a_bad_world_file_is_refused() -> None:
    with (
        pytest.raises(worldfile.WorldFileError),
        fakeoci.serving("[nonsense]"),
    ):
        pass


def test_nothing_is_left_behind_when_the_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), fakeoci.serving() as cloud:
        raise ZeroDivisionError
    assert "fakeoci" not in {t.name for t in threading.enumerate()}
    with httpx2.Client() as client, pytest.raises(httpx2.ConnectError):
        client.get(cloud.url)


@pytest.mark.slow
def test_the_plugin_serves_the_world_that_a_fixture_names(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(PLUGIN)
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


@pytest.mark.slow
def test_serve_prints_the_ocids_that_commands_begin_with() -> None:
    command = [sys.executable, "-m", "fakeoci", "serve", "--port", "0"]
    world = worldfile.parse(worldfile.default_text())
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        printed = process.stdout.read().splitlines()
    assert first.startswith("fakeoci: http://127.0.0.1:")
    assert printed[0].startswith("tenancy ocid1.tenancy.oc1..")
    assert f"compartment {world.compartment_id}" in printed
    kinds = [line.split()[:2] for line in printed[2:]]
    assert ["subnet", "pods"] in kinds
    assert ["instance", "node1"] in kinds
