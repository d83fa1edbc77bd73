"""The common fields of Kubernetes' objects, lists and refusals; only those we read."""

import msgspec


class Wire(msgspec.Struct, rename="camel", kw_only=True, frozen=True, gc=False):
    """An object or a part of one; unknown fields are left out.

    JSON has no cycles, so the garbage collector need not look at them.
    """


class OwnerReference(Wire, frozen=True):
    """The owner: an object is deleted with its owner."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Meta(Wire, frozen=True):
    """metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []

    @property
    def node(self) -> str:
        """Return the name of the Node that owns it; empty where none does."""
        nodes = (o.name for o in self.owner_references if o.kind == "Node")
        return next(nodes, "")


class Object(Wire, frozen=True):
    """What every object has."""

    metadata: Meta = Meta()


class ListMeta(Wire, frozen=True):
    """metadata of a list."""

    resource_version: str = ""
    token: str = msgspec.field(default="", name="continue")
    """Asks for the next page; empty: this is the last one."""


class Status(Wire, frozen=True):
    """A refusal (kind Status)."""

    code: int = 0
    reason: str = ""
    message: str = ""
