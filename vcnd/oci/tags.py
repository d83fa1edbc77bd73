"""The freeform tags by which a cluster's VNICs and addresses are known."""

OWNER = "vcnd-cluster"
"""Names the owner; objects without it are never touched."""
NODE = "vcnd-instance"
CLASS = "vcnd-class"
"""On a VNIC: the name of its class of pods."""
FIXED = "vcnd-fixed"
"""On a reserved private IP: ``namespace/name`` of the fixed address."""
