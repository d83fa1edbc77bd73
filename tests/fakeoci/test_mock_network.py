"""While OCI is mocked, this process sends nothing to the network."""

import asyncio
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from fakeoci.mock import NetworkRefused, mock_oci
from fakeoci.mocking.interception import PROCESS
from tests.fakeoci import trap

ROOT = Path(__file__).parents[2]


def _attempts(mode: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.fakeoci.trap", mode],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    assert list(told) == list(trap.ATTEMPTS)
    return told


@pytest.mark.slow
def test_no_library_reaches_the_network() -> None:
    told = _attempts("mocked")
    assert {k: v["seen"] for k, v in told.items() if v["seen"]} == {}
    assert {v["got"] for v in told.values()} == {"NetworkRefused"}


@pytest.mark.slow
def test_the_trap_sees_each_of_them_without_the_mock() -> None:
    told = _attempts("open")
    assert [k for k, v in told.items() if not v["seen"]] == []


def test_refusal_names_the_remedy() -> None:
    with mock_oci():
        with pytest.raises(NetworkRefused, match=r"answers httpx and httpx2"):
            urllib.request.urlopen("http://169.254.169.254/opc/v2/")
        with pytest.raises(NetworkRefused, match=r'allow=\["192.0.2.7"\]'):
            socket.create_connection(("192.0.2.7", 80), 1)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_name_given_to_a_socket_is_not_looked_up(method: str) -> None:
    with mock_oci(), socket.socket() as sock, pytest.raises(NetworkRefused):
        getattr(sock, method)(("iaas.us-ashburn-1.oraclecloud.com", 443))


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_proxy_on_this_machine_leads_nowhere(
    library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("http_proxy", url)
        with library.Client() as before, mock_oci():
            with pytest.raises(NetworkRefused):
                before.get("https://example.com/")
            with pytest.raises(NetworkRefused):
                urllib.request.urlopen("http://example.com/")
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert os.environ["HTTPS_PROXY"] == os.environ["http_proxy"] == url


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: Any) -> None:
        """Log nothing."""


@pytest.fixture
def local() -> Iterator[str]:
    with mock_oci(), http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_loopback_stays_usable(local: str, library: Any) -> None:
    assert library.get(local).text == "ok"
    assert library.get(local.replace("127.0.0.1", "localhost")).text == "ok"
    assert urllib.request.urlopen(local).read() == b"ok"  # noqa: S310

    async def ask() -> str:
        async with library.AsyncClient() as client:
            return str((await client.get(local)).text)

    assert asyncio.run(ask()) == "ok"


def test_address_that_ends_with_a_clouds_number_is_no_cloud() -> None:
    with mock_oci():
        domain, mocked = PROCESS._last()
        assert PROCESS._find(f"iaas.{domain}") is mocked.cloud
        assert PROCESS._find(f"127.0.0.{domain.partition('.')[0]}") is None


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_unix_sockets_stay_usable(tmp_path: Path, library: Any) -> None:
    path = str(tmp_path / "socket")
    with mock_oci(), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with library.Client(transport=library.HTTPTransport(uds=path)) as client:
            assert client.get("http://169.254.169.254/").status_code == 204
        thread.join()


def test_allowed_hosts_are_not_refused() -> None:
    hosts = ("192.0.2.7", "localhost")
    with mock_oci(allow=hosts), socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.7", 9))  # connect of a datagram socket sends nothing
        with pytest.raises(NetworkRefused):
            sock.connect(("192.0.2.8", 9))


def test_oci_cannot_be_allowed() -> None:
    with pytest.raises(ValueError, match="answers these hosts itself"):
        mock_oci(allow=["169.254.169.254"])


def test_innermost_mock_allows_hosts() -> None:
    with mock_oci(allow=["192.0.2.7"]), socket.socket(type=socket.SOCK_DGRAM) as sock:
        with mock_oci(), pytest.raises(NetworkRefused):
            sock.connect(("192.0.2.7", 9))
        sock.connect(("192.0.2.7", 9))


def test_the_network_is_open_again_afterwards() -> None:
    with mock_oci(), pytest.raises(RuntimeError, match="mine"):
        raise RuntimeError("mine")
    assert not {"connect", "sendto"} & set(vars(socket.socket))
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.7", 9))
        except OSError as error:
            assert "unreachable" in str(error)  # the machine has no network
