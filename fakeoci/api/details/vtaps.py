"""Request bodies of capture filters and VTAPs."""

from typing import Literal

from fakeoci.api.details.base import Created, Named
from fakeoci.api.details.rules import TrafficDetails

SourceType = Literal[
    "VNIC",
    "SUBNET",
    "LOAD_BALANCER",
    "DB_SYSTEM",
    "EXADATA_VM_CLUSTER",
    "AUTONOMOUS_DATA_WAREHOUSE",
    "NETWORK_FIREWALL",
]
TargetType = Literal["VNIC", "NETWORK_LOAD_BALANCER", "IP_ADDRESS"]
TrafficMode = Literal["DEFAULT", "PRIORITY"]


class VtapCaptureFilterRuleDetails(TrafficDetails, kw_only=True):
    """VtapCaptureFilterRuleDetails."""

    traffic_direction: Literal["INGRESS", "EGRESS"]
    rule_action: Literal["INCLUDE", "EXCLUDE"] = "INCLUDE"
    source_cidr: str | None = None
    destination_cidr: str | None = None
    protocol: str | None = None


class UpdateCaptureFilterDetails(Named, kw_only=True):
    """UpdateCaptureFilterDetails."""

    vtap_capture_filter_rules: list[VtapCaptureFilterRuleDetails] | None = None
    flow_log_capture_filter_rules: list[object] | None = None


class CreateCaptureFilterDetails(Created, kw_only=True):
    """CreateCaptureFilterDetails."""

    filter_type: Literal["VTAP", "FLOWLOG"]
    vtap_capture_filter_rules: list[VtapCaptureFilterRuleDetails] | None = None
    flow_log_capture_filter_rules: list[object] | None = None


class _VtapFields(Named, kw_only=True):
    """The fields that CreateVtapDetails and UpdateVtapDetails share."""

    target_id: str | None = None
    target_ip: str | None = None
    encapsulation_protocol: Literal["VXLAN"] | None = None
    vxlan_network_identifier: int | None = None
    is_vtap_enabled: bool | None = None
    source_type: SourceType | None = None
    target_type: TargetType | None = None
    traffic_mode: TrafficMode | None = None
    max_packet_size: int | None = None
    source_private_endpoint_ip: str | None = None
    source_private_endpoint_subnet_id: str | None = None


class CreateVtapDetails(_VtapFields, kw_only=True):
    """CreateVtapDetails."""

    compartment_id: str
    vcn_id: str
    source_id: str
    capture_filter_id: str


class UpdateVtapDetails(_VtapFields, kw_only=True):
    """UpdateVtapDetails."""

    source_id: str | None = None
    capture_filter_id: str | None = None
