"""What accounts may do: the rights that ``deploy`` gives them.

For a node's accounts, also the part of its admission policies that says whose objects
a node writes: its own.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from sim.kubernetes import refusals
from sim.kubernetes.resources import EVENTS, NETWORKS, NODES, Body, Route
from sim.kubernetes.schema import DEPLOY

FILES = {
    "vcnd": DEPLOY / "base" / "rbac.yaml",
    "vcnd-policy": DEPLOY / "components" / "policy" / "rbac.yaml",
}
ADMIN = "admin"
"""It may do everything."""


class Caller(msgspec.Struct, frozen=True):
    """Whose token a request has."""

    account: str
    node: str = ""
    """The Node that the token is bound to."""


@cache
def _rules(account: str) -> list[Mapping[str, Any]]:
    found = []
    for text in FILES[account].read_text().split("\n---\n"):
        parsed = msgspec.yaml.decode(text)
        if parsed["kind"] in ("Role", "ClusterRole"):
            found += parsed["rules"]
    return found


@cache
def _may(account: str, verb: str, group: str, what: str, name: str) -> bool:
    return any(
        verb in rule["verbs"]
        and group in rule["apiGroups"]
        and what in rule["resources"]
        and name in rule.get("resourceNames", [name])
        for rule in _rules(account)
    )


def check(caller: Caller, verb: str, where: Route) -> None:
    """Raise unless an account has a right.

    Raises:
        RefusedError: it has none.
    """
    if caller.account == ADMIN:
        return
    resource = where.resource
    what = f"{resource.plural}/{where.part}" if where.part else resource.plural
    if not _may(caller.account, verb, resource.group, what, where.name):
        raise refusals.forbidden(resource, verb, f"{caller.account} has no right to")


def check_own(
    caller: Caller, uid: str, verb: str, where: Route, old: Body, new: Body
) -> None:
    """Raise unless a node writes what is its own (``deploy/base/admission.yaml``).

    Args:
        caller: who writes.
        uid: that of the caller's Node, as its token has it.
        verb: what is done.
        where: names the object.
        old: the object before; empty for a new one.
        new: the request's body.

    Raises:
        RefusedError: it is another's.
    """
    if caller.account == ADMIN:
        return
    resource, own = where.resource, True
    if resource is NODES:
        own = where.name == caller.node
    elif resource is NETWORKS:
        own = _owners(old or new) == [(caller.node, uid)]
    elif resource is EVENTS:
        own = new.get("reportingInstance") == caller.node
    if not own:
        raise refusals.forbidden(resource, verb, f"it is not {caller.node}'s own")


def _owners(body: Body) -> list[tuple[str, str]]:
    references = (body.get("metadata") or {}).get("ownerReferences") or []
    nodes = (x for x in references if x.get("kind") == "Node")
    return [(x["name"], x["uid"]) for x in nodes]
