"""Cluster and node at one moment, and which pods a question means."""

from collections.abc import Sequence
from ipaddress import ip_address

import msgspec

from vcnd.core.policy.node_view import why_unknown
from vcnd.model.errors import BadRequestError
from vcnd.model.family import family_of
from vcnd.model.policy import Attached, Cluster, Packet, PolicyPod
from vcnd.model.policy_questions import ExplainQuestion

MOST_NAMED = 5


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Cluster and node at one moment."""

    told: Cluster
    """What the API server tells."""
    view: Cluster
    """The same, as the node sees it."""
    here: Sequence[Attached]
    own: frozenset[str]
    """The node's addresses."""

    @property
    def links(self) -> dict[str, Attached]:
        """Return the pods' links by address."""
        return {address: a for a in self.here for address in a.addresses}

    def unknown(self) -> dict[str, tuple[str, str]]:
        """Return pods here that are not known, by address: their name, and why."""
        known = {(p.namespace, p.name) for p in self.told.pods}
        some = [a for a in self.here if (a.namespace, a.name) not in known]
        some += [a for a in self.here if a.namespace not in self.told.namespaces]
        return {
            address: (name_of(a), why_unknown(self.told, a))
            for a in some
            for address in a.addresses
        }


def name_of(found: PolicyPod | Attached | None) -> str:
    """Return a pod's name, as ``namespace/name``."""
    if found is None or not found.name:
        return "(unknown)"
    return f"{found.namespace}/{found.name}"


def packets(scene: Scene, question: ExplainQuestion) -> list[Packet]:
    """Return the first packets of what is asked about: one for each family."""
    sources = _addresses(scene, question.source)
    destinations = _addresses(scene, question.destination)
    ends = {
        family_of(source): (source, destination)
        for source in reversed(sources)
        for destination in reversed(destinations)
        if family_of(source) is family_of(destination)
    }
    if not ends:
        raise BadRequestError(
            f"{question.source} and {question.destination} have no family in common",
            details=f"{', '.join(sources)}; {', '.join(destinations)}",
        )
    return [
        Packet(
            source=source,
            destination=destination,
            protocol=question.protocol,
            port=question.port if question.protocol else 0,
        )
        for _, (source, destination) in sorted(ends.items())
    ]


def _addresses(scene: Scene, end: str) -> Sequence[str]:
    """Return the addresses of an end of a connection."""
    try:
        return [str(ip_address(end))]
    except ValueError:
        pod, attached = find(scene, end)
    addresses = pod.addresses if pod else attached.addresses if attached else ()
    if not addresses:
        raise BadRequestError(f"pod {end} has no address yet")
    return addresses


def find(scene: Scene, name: str) -> tuple[PolicyPod | None, Attached | None]:
    """Return a pod, and its link on this node; one of them at least.

    Raises:
        BadRequestError: no pod has that name, or several have.
    """
    namespace, _, own = name.rpartition("/")

    def is_it(found: PolicyPod | Attached) -> bool:
        return found.name == own and namespace in ("", found.namespace)

    pods = {(p.namespace, p.name): p for p in scene.view.pods if is_it(p)}
    links = {(a.namespace, a.name): a for a in scene.here if a.name and is_it(a)}
    names = sorted({*pods, *links})
    if not names:
        raise BadRequestError(
            f"no pod {name} is known that has an address of its own",
            details="pods in their node's network have none; names are namespace/name",
        )
    if len(names) > 1:
        some = ", ".join(f"{x}/{y}" for x, y in names[:MOST_NAMED])
        more = f" and {len(names) - MOST_NAMED} more" if names[MOST_NAMED:] else ""
        raise BadRequestError(f"{name} is the name of several pods: {some}{more}")
    return pods.get(names[0]), links.get(names[0])
