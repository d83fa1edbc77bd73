"""Writes many objects through a real API server, by several connections at once."""

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPSConnection
from queue import Empty, SimpleQueue

import msgspec

from integration.bench.datapath.underlay import Place
from integration.bench.policy import synthetic
from integration.bench.policy.synthetic import Body, Pod
from integration.lab.apiserver import SECURE_PORT, ApiServer

CONNECTIONS = 8
ANSWER_SECONDS = 60.0
CREATED, OK = 201, 200
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
Call = Callable[[str, str, Body | None], None]
Calls = list[tuple[str, str, Body | None]]
"""Method, path and body of each call of a task, in this order."""


class WriteError(Exception):
    """The API server refused an object."""


def write(server: ApiServer, tasks: Sequence[Calls]) -> None:
    """Make the calls of all tasks; tasks have no order.

    Raises:
        WriteError: one was refused; the others of its connection are not made.
    """
    waiting = SimpleQueue[Calls]()
    for task in tasks:
        waiting.put(task)
    failures: list[Exception] = []

    def work() -> None:
        connection = _connect()
        try:
            while not failures:
                for method, path, body in waiting.get_nowait():
                    _call(connection, server.admin_token, method, path, body)
        except Empty:
            pass
        except (OSError, WriteError) as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise WriteError(str(failures[0]))


def _connect() -> HTTPSConnection:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(
        "127.0.0.1", SECURE_PORT, context=context, timeout=ANSWER_SECONDS
    )


def _call(
    connection: HTTPSConnection, token: str, method: str, path: str, body: Body | None
) -> None:
    kind = "merge-patch+json" if method == "PATCH" else "json"
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"application/{kind}",
    }
    content = None if body is None else msgspec.json.encode(body)
    connection.request(method, path, content, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status not in (OK, CREATED):
        raise WriteError(f"{method} {path}: {answer.status} {text[:500]!r}")


@contextmanager
def connection(server: ApiServer) -> Iterator[Call]:
    """Yield what makes calls by one connection that stays open."""
    connected = _connect()

    def call(method: str, path: str, body: Body | None) -> None:
        _call(connected, server.admin_token, method, path, body)

    try:
        yield call
    finally:
        connected.close()


def started(pod: Pod) -> Calls:
    """Return the calls that make a pod and tell its address."""
    return [
        ("POST", pod.path.rpartition("/")[0], pod.body()),
        ("PATCH", f"{pod.path}/status", pod.status()),
    ]


def deleted(pod: Pod) -> Calls:
    """Return the call that deletes a pod at once."""
    return [("DELETE", f"{pod.path}?gracePeriodSeconds=0", None)]


def policy_path(body: Body) -> str:
    """Return where a NetworkPolicy is made."""
    return POLICIES.format(body["metadata"]["namespace"])


def make_cluster(
    server: ApiServer,
    count: int,
    places: Sequence[Place],
    progress: Callable[[str], None],
) -> None:
    """Make namespaces, nodes and a number of pods."""
    pods = synthetic.pods(count, places)
    for path, bodies in (
        ("/api/v1/namespaces", synthetic.namespace_bodies()),
        ("/api/v1/nodes", synthetic.node_bodies(pods, places)),
    ):
        write(server, [[("POST", path, body)] for body in bodies])
    progress(f"{count} pods are made by the API")
    write(server, [started(pod) for pod in pods])


def make_policies(server: ApiServer, bodies: Sequence[Body]) -> None:
    """Make NetworkPolicies."""
    write(server, [[("POST", policy_path(body), body)] for body in bodies])
