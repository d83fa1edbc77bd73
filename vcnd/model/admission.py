"""What ADD asks the policy process about a pod, as JSON on its socket."""

import msgspec


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A pod that is plugged, and whose policies have to be in force."""

    link: str
    """The name of its link on the node."""
    addresses: tuple[str, ...]
    namespace: str = ""
    """Empty with ``name`` outside Kubernetes."""
    name: str = ""
    uid: str = ""
