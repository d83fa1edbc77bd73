"""Names of things: OCIDs by kind, so that one cannot stand in for another."""

from typing import NewType

VnicId = NewType("VnicId", str)
SubnetId = NewType("SubnetId", str)
PrivateIpId = NewType("PrivateIpId", str)
