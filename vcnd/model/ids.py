"""Identifiers by kind, so that the type checker keeps them apart."""

from typing import NewType

VnicId = NewType("VnicId", str)
SubnetId = NewType("SubnetId", str)
PrivateIpId = NewType("PrivateIpId", str)
ClassName = NewType("ClassName", str)
"""The name of a class of pod VNICs (``PodClass``); their tag has it."""

OWN_CLASS = ClassName("")
"""The node's own class: its VNICs have no such tag."""
