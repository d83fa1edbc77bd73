"""Names of things, by kind, so that one cannot stand in for another."""

from typing import NewType

VnicId = NewType("VnicId", str)
SubnetId = NewType("SubnetId", str)
PrivateIpId = NewType("PrivateIpId", str)
ClassName = NewType("ClassName", str)
"""Of a class of pod VNICs (``PodClass``); it stands in their tag."""

OWN_CLASS = ClassName("")
"""The node's own class: its VNICs have no such tag."""
