"""Makes the probes of a check, awaits what they find, and deletes them."""

import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from vcnd.ctl.check import probes
from vcnd.ctl.check.walks import Targets, Walk, as_address, results, script, walks
from vcnd.kube.bodies import NETWORKS
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.decode import decode
from vcnd.kubeapi.errors import KubeError
from vcnd.model.check_report import CheckReport, PathName, PathResult, Verdict

Body = dict[str, Any]
NAMESPACES, NODES = "/api/v1/namespaces", "/api/v1/nodes"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
ACCOUNT = "serviceaccount"
"""In the refusal of a pod whose namespace has none yet."""
LOOK_SECONDS = 1.0
CLEAN_UP_SECONDS = 30.0
NEAR, FAR, ALLOWED, DENIED = "near", "far", "allowed", "denied"
KEEPS_AWAY = ("NoSchedule", "NoExecute")
ENDED = ("Succeeded", "Failed")


class CheckError(Exception):
    """The check cannot be made; says why."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What is checked."""

    image: str = probes.IMAGE
    nodes: tuple[str, ...] = ()
    """Where: the walker's node first; empty: the first two that take pods."""
    outside: str = ""
    """A URL outside of the VCN; empty: that path is not walked."""
    policies: bool = False
    """True if the cluster should enforce NetworkPolicies."""
    ready_seconds: float = 120.0
    """How long a pod may take to be ready, or to end."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A report, and what explains a failure: objects by name, as JSON."""

    report: CheckReport
    evidence: dict[str, bytes]


class Check:
    """One check of a cluster."""

    def __init__(self, client: KubeClient, options: Options) -> None:
        self._client = client
        self._options = options
        self._namespace = f"vcnd-check-{secrets.token_hex(4)}"
        self._path = f"{NAMESPACES}/{self._namespace}"

    async def run(self) -> Checked:
        """Walk all paths, and leave nothing behind.

        Raises:
            CheckError: the cluster has no node for it.
            KubeError: the API server refuses, or does not answer.
        """
        nodes = await self._nodes()
        async with self._own_namespace():
            found = await self._walk(nodes)
            report = CheckReport(
                nodes=tuple(node["metadata"]["name"] for node in nodes),
                namespace=self._namespace,
                results=tuple(found),
            )
            evidence = await self._evidence() if report.failed else {}
        return Checked(report=report, evidence=evidence)

    async def _nodes(self) -> list[Body]:
        """Return the nodes of the check: one, or two."""
        by_name = {n["metadata"]["name"]: n for n in await self._list(NODES)}
        asked = self._options.nodes
        for name in asked:
            if name not in by_name:
                raise CheckError(f"the cluster has no node {name}")
        chosen = [by_name[name] for name in asked]
        chosen = chosen or [by_name[n] for n in sorted(by_name) if _is_free(by_name[n])]
        if not chosen:
            raise CheckError(
                "no node takes pods: each is not ready, cordoned or tainted"
            )
        return chosen[:2]

    @asynccontextmanager
    async def _own_namespace(self) -> AsyncIterator[None]:
        await self._post(NAMESPACES, probes.namespace(self._namespace))
        try:
            yield
        finally:
            with trio.move_on_after(CLEAN_UP_SECONDS, shield=True):
                await self._client.request("DELETE", self._path)

    async def _walk(self, nodes: Sequence[Body]) -> list[PathResult]:
        names = [node["metadata"]["name"] for node in nodes]
        last = names[-1]
        servers = {NEAR: names[0], **({FAR: last} if len(names) > 1 else {})}
        if self._options.policies:
            servers |= {ALLOWED: last, DENIED: last}
            policies = POLICIES.format(self._namespace)
            await self._post(policies, probes.policy(ALLOWED, [probes.WALKER]))
            await self._post(policies, probes.policy(DENIED, []))
        for name, node in servers.items():
            await self._post_pod(probes.server(name, node, self._options.image))
        addresses, late = await self._until_ready(servers)
        found = [_ready(late)]
        if not addresses.get(NEAR):
            return found
        backend = FAR if addresses.get(FAR) else NEAR
        targets = Targets(
            near=addresses[NEAR],
            far=addresses.get(FAR, ""),
            service=await self._service(backend),
            service_name=f"{probes.SERVICE}.{self._namespace}",
            service_backend=backend,
            own_node=_address_of(nodes[0]),
            other_node=_address_of(nodes[1]) if len(nodes) > 1 else "",
            outside=self._options.outside,
            allowed=addresses.get(ALLOWED, ""),
            denied=addresses.get(DENIED, ""),
        )
        some = list(walks(targets))
        found += await self._walked(names[0], some)
        return [*found, *_skipped(found, targets)]

    async def _walked(self, node: str, some: Sequence[Walk]) -> list[PathResult]:
        pod = probes.walker(node, self._options.image, script(some))
        await self._post_pod(pod)
        with trio.move_on_after(self._options.ready_seconds):
            while True:
                status = (await self._pod(probes.WALKER)).get("status", {})
                if status.get("phase") in ENDED:
                    break
                await trio.sleep(LOOK_SECONDS)
        status = (await self._pod(probes.WALKER)).get("status", {})
        addresses = [ip["ip"] for ip in status.get("podIPs", [])]
        found = results(some, _message(status), addresses)
        if status.get("phase") not in ENDED:
            why = f"the walker has not ended: {_why(status)}"
            found = [msgspec.structs.replace(x, detail=why) for x in found]
        return found

    async def _until_ready(
        self, servers: Iterable[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Wait for servers; return the addresses of those that are ready.

        The second mapping says why others are not.
        """
        waiting, addresses, late = set(servers), dict[str, str](), dict[str, str]()
        with trio.move_on_after(self._options.ready_seconds):
            while waiting:
                for name in sorted(waiting):
                    status = (await self._pod(name)).get("status", {})
                    late[name] = _why(status)
                    address = as_address(status.get("podIP"))
                    if _is_true(status, "Ready") and address:
                        addresses[name] = address
                        del late[name]
                waiting -= addresses.keys()
                if waiting:
                    await trio.sleep(LOOK_SECONDS)
        return addresses, late

    async def _service(self, backend: str) -> str:
        """Make the Service, and return its address; empty if it gets none."""
        path = f"{self._path}/services"
        body = await self._post(path, probes.service(backend))
        return as_address(body.get("spec", {}).get("clusterIP"))

    async def _evidence(self) -> dict[str, bytes]:
        """Return what explains a failure."""
        paths = {
            "pods.json": f"{self._path}/pods",
            "events.json": f"{self._path}/events",
            "networks.json": NETWORKS,
            "nodes.json": NODES,
        }
        found = dict[str, bytes]()
        for name, path in paths.items():
            try:
                found[name] = await self._client.get(path)
            except KubeError as error:
                found[name] = str(error).encode()
        return found

    async def _post_pod(self, pod: Body) -> None:
        """Create a pod; a new namespace gets its account a moment later."""
        with trio.move_on_after(CLEAN_UP_SECONDS):
            while True:
                try:
                    await self._post(f"{self._path}/pods", pod)
                except KubeError as error:
                    if ACCOUNT not in error.message.lower():
                        raise
                    await trio.sleep(LOOK_SECONDS)
                else:
                    return
        raise CheckError(f"namespace {self._namespace} has no service account")

    async def _post(self, path: str, body: Body) -> Body:
        answer = await self._client.request("POST", path, body=body)
        return decode(f"POST {path}", answer, Body)

    async def _pod(self, name: str) -> Body:
        return await self._get(f"{self._path}/pods/{name}")

    async def _list(self, path: str) -> list[Body]:
        # Go writes an empty list as null.
        return (await self._get(path)).get("items") or []

    async def _get(self, path: str) -> Body:
        return decode(f"GET {path}", await self._client.get(path), Body)


def _is_free(node: Body) -> bool:
    """Return True if a node takes any pod."""
    spec = node.get("spec", {})
    tainted = any(t["effect"] in KEEPS_AWAY for t in spec.get("taints", []))
    ready = _is_true(node.get("status", {}), "Ready")
    return ready and not tainted and not spec.get("unschedulable")


def _is_true(status: Body, condition: str) -> bool:
    found = {c["type"]: c["status"] for c in status.get("conditions", [])}
    return found.get(condition) == "True"


def _address_of(node: Body) -> str:
    """Return a node's own address; empty if it tells none."""
    for address in node.get("status", {}).get("addresses", []):
        if address["type"] == "InternalIP":
            return as_address(address["address"])
    return ""


def _message(status: Body) -> str:
    for container in status.get("containerStatuses", []):
        ended = container.get("state", {}).get("terminated")
        if ended:
            return str(ended.get("message", ""))
    return ""


def _why(status: Body) -> str:
    """Return why a pod is not ready."""
    for container in status.get("containerStatuses", []):
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()
    for condition in status.get("conditions", []):
        if condition["status"] != "True" and condition.get("message"):
            return str(condition["message"])
    return str(status.get("phase") or "the kubelet has not seen it")


def _ready(late: dict[str, str]) -> PathResult:
    """Return what became of the kubelets' probes: the path from node to pod."""
    if not late:
        return PathResult(
            path=PathName.NODE_TO_POD,
            verdict=Verdict.OK,
            detail="the kubelets' probes reach the pods of their nodes",
        )
    text = "; ".join(f"{name} is not ready: {why}" for name, why in late.items())
    return PathResult(path=PathName.NODE_TO_POD, verdict=Verdict.FAILED, detail=text)


def _skipped(found: Sequence[PathResult], to: Targets) -> list[PathResult]:
    """Return the paths that were not walked, and why."""
    one = "" if to.other_node or to.far else "the cluster has one node that takes pods"
    reasons = {
        PathName.CROSS_NODE: one or "the other node's server is not ready",
        PathName.TO_OTHER_NODE: one or "the other node tells no address",
        PathName.TO_OWN_NODE: "the node tells no address",
        PathName.SERVICE: "the Service has no address",
        PathName.OUTSIDE: "--outside names no URL",
        PathName.POLICY_ALLOWS: "--policies was not given",
        PathName.POLICY_DENIES: "--policies was not given",
    }
    walked = {result.path for result in found}
    return [
        PathResult(path=path, verdict=Verdict.SKIPPED, detail=why)
        for path, why in reasons.items()
        if path not in walked
    ]
