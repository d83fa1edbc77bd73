"""The freeform tags by which a cluster's VNICs and addresses are known."""

OWNER = "vcnd-cluster"
"""Whose it is; what lacks it is never touched."""
NODE = "vcnd-instance"
CLASS = "vcnd-class"
"""Of a VNIC: the name of the class of pods that it is for."""
FIXED = "vcnd-fixed"
"""Of a reserved private IP: ``namespace/name`` of the fixed address that it is."""
