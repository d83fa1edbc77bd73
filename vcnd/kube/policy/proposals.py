"""Policies that somebody may want, as objects of the API.  No I/O."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from vcnd.kube.policy import policies
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.wire import (
    CLUSTER_POLICY,
    NETWORK_POLICY,
    ClusterNetworkPolicy,
    NetworkPolicy,
)
from vcnd.kube.wire import DEFAULT_NAMESPACE
from vcnd.model.errors import BadRequestError
from vcnd.model.policy import Policy


class ProposalError(BadRequestError):
    """An object cannot be used."""

    def __init__(self, what: str, why: str) -> None:
        """Make it.

        Args:
            what: the part, such as ``spec.ingress[0].ports[1]``; empty: the whole.
            why: what is wrong with it.
        """
        super().__init__(f"{what}: {why}" if what else why)
        self.what, self.why = what, why


def proposal(found: Any) -> Policy:
    """Return the policy of an object; it has to be right in all parts.

    Raises:
        ProposalError: it is no policy, or a part is wrong.
    """
    try:
        read = _read(found)
    except RecursionError as error:
        raise ProposalError("", "it is too deep") from error
    if not read.policy.ref.name:
        raise ProposalError("metadata.name", "it is empty")
    for flaw in read.flaws:
        raise ProposalError(flaw.what, flaw.why)
    return read.policy


def proposals(found: Sequence[Any]) -> list[Policy]:
    """Return the policies of objects.

    Raises:
        BadRequestError: one is no policy, or a part of it is wrong.
    """
    policies = list[Policy]()
    for number, item in enumerate(found, 1):
        try:
            policies.append(proposal(item))
        except ProposalError as error:
            raise BadRequestError(f"object {number}: {error}") from error
    return policies


def _read(found: Any) -> ReadPolicy:
    if not isinstance(found, dict):
        raise ProposalError("", "it is no object")
    kind = found.get("apiVersion"), found.get("kind")
    found = _without_nulls(found)
    try:
        if kind == NETWORK_POLICY:
            namespaced = msgspec.convert(found, NetworkPolicy)
            meta = namespaced.metadata
            placed = replace(meta, namespace=meta.namespace or DEFAULT_NAMESPACE)
            return policies.network_policy(replace(namespaced, metadata=placed))
        if kind == CLUSTER_POLICY:
            whole = msgspec.convert(found, ClusterNetworkPolicy)
            return policies.cluster_network_policy(whole)
    except msgspec.ValidationError as error:
        why, _, place = str(error).partition(" - at ")
        raise ProposalError(place.strip("`").removeprefix("$."), why) from error
    except UnicodeEncodeError as error:
        raise ProposalError("", "a text has half a surrogate pair") from error
    raise ProposalError(
        "kind",
        f"{kind[1]} of {kind[0]} is neither {NETWORK_POLICY[1]} of {NETWORK_POLICY[0]}"
        f" nor {CLUSTER_POLICY[1]} of {CLUSTER_POLICY[0]}",
    )


def _without_nulls(found: Any) -> Any:
    """Return an object without what is null: an absent field means the same."""
    match found:
        case dict():
            kept = {key: value for key, value in found.items() if value is not None}
            return {key: _without_nulls(value) for key, value in kept.items()}
        case list():
            return [_without_nulls(value) for value in found]
        case _:
            return found
