"""Names of things: OCIDs by kind, so that one cannot stand in for another."""

from typing import NewType

InstanceId = NewType("InstanceId", str)
VnicId = NewType("VnicId", str)
VnicAttachmentId = NewType("VnicAttachmentId", str)
SubnetId = NewType("SubnetId", str)
PrivateIpId = NewType("PrivateIpId", str)
NsgId = NewType("NsgId", str)
CompartmentId = NewType("CompartmentId", str)
