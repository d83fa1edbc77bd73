"""Which packets network policies let pass."""

from functools import partial

from integration.checking import require
from integration.cloudview import named
from integration.kind.checks import traffic
from integration.kind.checks.policies import (
    KNOWN_SECONDS,
    applied,
    block,
    cluster_policies,
    cluster_policy,
    expect,
    explained,
    pods,
    policy,
)
from integration.kind.checks.stage import (
    NAMESPACE,
    SERVICE_PORT,
    Stage,
    container,
    pod,
    refused,
)
from integration.kind.settings import CLOUD, ONPREM, ONPREM_HOST, PEER

FAR = {"app": "far"}
FRONT = {"role": "front"}
LOCAL = {"app": "local"}
WEB, MORE, LAST = 8081, 8082, 8083
ONPREM_NET, PEER_NET, PODS_NET = "172.16.0.0/24", "192.168.0.0/16", "10.0.64.0/23"
PEER_HOSTS = "192.168.1.0/24"
SERVE_SECONDS = "120"
NAME = "kubernetes.default.svc.cluster.local"


def policy_default_deny(stage: Stage) -> str:
    """What no policy allows is dropped; answers, and probes of the node, pass."""
    far, near = stage.ip("far"), stage.ip("near")
    local, node = stage.ip("local"), stage.workers[1]
    resolve = partial(stage.exec, "near", "nslookup", NAME)
    resolve()
    to_far = partial(expect, stage, target=far, port=SERVICE_PORT)
    for client in ("near", "local"):
        to_far("no policy", passes=True, pod=client)
    with applied(stage, policy("deny-far", FAR, ingress=[])):
        for client in ("near", "local"):
            to_far("ingress deny", passes=False, pod=client)
            to_far("ingress deny", passes=False, pod=client, protocol="udp")
        shut = refused(lambda: stage.from_onprem(f"{far}:{SERVICE_PORT}/hostname", 2))
        require(shut, f"on-premises reaches {far} through an ingress deny")
        page = f"http://{far}:{SERVICE_PORT}/hostname"
        probe = stage.on_node(node, "curl", "-sS", "-m", "5", page)
        require(probe == "far", f"the pod's own node got {probe!r}")
        expect(
            stage,
            "ingress deny",
            passes=True,
            pod="far",
            target=near,
            port=SERVICE_PORT,
        )
        said = explained(stage, node, "near", "far", SERVICE_PORT)
        require(said == (False, True), f"vcndctl: (allowed, kernel agrees) is {said}")
    to_far("withdrawn", passes=True, pod="near")
    with applied(stage, policy("deny-all", {}, ingress=[], egress=[])):
        to_far("deny of all", passes=False, pod="near")
        # The same node, and so no NSG or router on the way.
        expect(
            stage,
            "deny of all",
            passes=False,
            pod="near",
            target=local,
            port=SERVICE_PORT,
        )
        require(refused(resolve), "names are resolved through an egress deny")
    to_far("withdrawn", passes=True, pod="near")
    return "nothing passed, on one node and between two; probes and answers did"


def policy_ports_and_peers(stage: Stage) -> str:
    """Peers by pod and by namespace; ports by number, name and range; protocols."""
    serve = [
        container(
            *(f"serve-{port}", "netexec", f"--http-port={port}", f"--udp-port={port}"),
            ports=[{"containerPort": port, "name": name}],
        )
        for port, name in ((WEB, "web"), (MORE, "more"), (LAST, "last"))
    ]
    stage.apply(pod("ports", stage.workers[1], *serve, labels={"app": "ports"}))
    stage.wait_ready("ports")
    here = {"kubernetes.io/metadata.name": NAMESPACE}
    by_name = {"from": [pods(**FRONT)], "ports": [{"port": "web"}]}
    both = {"namespaceSelector": {"matchLabels": here}, **pods(**LOCAL)}
    by_range = {"from": [both], "ports": [{"port": MORE, "endPort": LAST}]}
    elsewhere = {"namespaceSelector": {"matchLabels": {**here, "no": "such"}}}
    strangers = {"from": [elsewhere, {**elsewhere, **pods(**FRONT)}]}
    udp = {"from": [pods(**LOCAL)], "ports": [{"port": WEB, "protocol": "UDP"}]}
    allow = policy(
        "some-ports", {"app": "ports"}, ingress=[by_name, by_range, strangers, udp]
    )
    to = partial(expect, stage, target=stage.ip("ports"))
    with applied(stage, allow):
        for client, port, protocol, passes in (
            ("near", WEB, "tcp", True),
            ("near", WEB, "udp", False),
            ("near", MORE, "tcp", False),
            ("local", WEB, "tcp", False),
            ("local", WEB, "udp", True),
            ("local", MORE, "tcp", True),
            ("local", LAST, "tcp", True),
            ("far", WEB, "tcp", False),
        ):
            to("ports", passes=passes, pod=client, port=port, protocol=protocol)
        label = ("-n", NAMESPACE, "label", "pod", "far")
        stage.kubectl(*label, "role=front")
        try:
            to("labelled", passes=True, pod="far", port=WEB)
        finally:
            stage.kubectl(*label, "role-")
        to("label removed", passes=False, pod="far", port=WEB)
    stage.delete("pod", "ports")
    return "by pod, namespace and both; number, name, range; TCP and UDP; new labels"


def policy_ipblock(stage: Stage) -> str:
    """Blocks with exceptions, in both directions; one block does not cut another."""
    far, near = stage.ip("far"), stage.ip("near")
    page = f"{far}:{SERVICE_PORT}/hostname"

    def passes(host: str, expected: bool) -> bool:  # noqa: FBT001
        return refused(lambda: stage.fetch(host, page, 2)) is not expected

    def hosts(what: str, *, onprem: bool, peer: bool) -> None:
        for host, expected in ((ONPREM, onprem), (PEER, peer)):
            verdict = "passes" if expected else "is dropped"
            told = f"{what}: {host} {verdict}"
            stage.wait(told, partial(passes, host, expected), 20)

    outside = block(PEER_NET, PEER_HOSTS)
    office = {"from": [block(ONPREM_NET), outside]}
    with applied(stage, policy("blocks", FAR, ingress=[office])):
        hosts("an exception", onprem=True, peer=False)
        expect(stage, "blocks", passes=False, pod="near", target=far, port=SERVICE_PORT)
        again = policy("again", FAR, ingress=[{"from": [block(PEER_HOSTS)]}])
        with applied(stage, again):
            hosts("another block", onprem=True, peer=True)
        hosts("the other withdrawn", onprem=True, peer=False)
    stage.cluster.docker.run(
        *("exec", "-d", CLOUD, "ip", "netns", "exec", ONPREM),
        *("timeout", SERVE_SECONDS, "python3", "-c", traffic.TELL_PEER),
    )
    stage.wait(
        "the server on-premises answers",
        lambda: stage.curl("far", f"{ONPREM_HOST}:{traffic.SEEN_PORT}", 2),
        20,
    )
    outward = [{"to": [block(ONPREM_NET)]}, {"to": [block(PODS_NET, f"{far}/32")]}]
    with applied(stage, policy("outward", {"app": "near"}, egress=outward)):
        to = partial(expect, stage, "egress", pod="near")
        to(passes=True, target=ONPREM_HOST, port=traffic.SEEN_PORT)
        to(passes=True, target=stage.ip("local"), port=SERVICE_PORT)
        to(passes=False, target=far, port=SERVICE_PORT)
        expect(stage, "egress", passes=True, pod="far", target=near, port=SERVICE_PORT)
    return "an exception holds for its own block alone; in and out; outside hosts too"


def policy_dual_stack(stage: Stage) -> str:
    """This cluster is IPv4 only: ``integration/tests/test_policy_kernel.py`` has both.

    Fails as soon as a pod has an IPv6 address: then the checks above must use it.
    """
    listed = [p["status"].get("podIPs", []) for p in stage.cluster.pod_list()]
    found = [a["ip"] for addresses in listed for a in addresses if ":" in a["ip"]]
    subnet = named(stage.cloud.world(), "Subnet", "pods")
    require(not found, f"pods have IPv6 addresses, and no check uses them: {found[:3]}")
    require(not subnet.get("ipv6CidrBlocks"), "the pods' subnet has IPv6")
    return "absent here: cluster and subnet are IPv4 only"


def cluster_policy_tiers(stage: Stage) -> str:
    """Admin decides before NetworkPolicies, Baseline after; Pass; priorities."""
    to_far = partial(expect, stage, target=stage.ip("far"), port=SERVICE_PORT)
    with cluster_policies(stage):
        allow = policy("allow-front", FAR, ingress=[{"from": [pods(**FRONT)]}])
        deny = _tier("deny-front", "Admin", 20, ("Deny", FRONT))
        with applied(stage, allow):
            to_far("allowed", passes=True, pod="near")
            to_far("allowed", passes=False, pod="local")
            with applied(stage, deny):
                to_far("Admin denies", passes=False, pod="near", seconds=KNOWN_SECONDS)
                with applied(stage, _tier("first", "Admin", 10, ("Pass", FRONT))):
                    to_far("passed on", passes=True, pod="near")
                with applied(stage, _tier("last", "Admin", 30, ("Accept", FRONT))):
                    to_far("a higher number", passes=False, pod="near")
            with applied(stage, _tier("accept", "Admin", 20, ("Accept", LOCAL))):
                to_far("Admin accepts", passes=True, pod="local")
        with applied(stage, _tier("base", "Baseline", 10, ("Deny", FRONT))):
            to_far("Baseline denies", passes=False, pod="near")
            to_far("Baseline denies", passes=True, pod="local")
            with applied(stage, allow):
                to_far("a NetworkPolicy decides", passes=True, pod="near")
    to_far("withdrawn", passes=True, pod="near")
    return "Admin, NetworkPolicy, Baseline in this order; Pass; the lower number first"


def _tier(
    name: str, tier: str, priority: int, rule: tuple[str, dict[str, str]]
) -> dict[str, object]:
    return cluster_policy(name, tier, priority, FAR, rule)
