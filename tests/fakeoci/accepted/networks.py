"""Requests about networks and their parts."""

from tests.fakeoci.accepted.bodies import (
    DNS,
    FILTER,
    HERE,
    IN_SIX,
    INGRESS,
    NAMED,
    ROUTE,
    RULE,
    SERVICE_ID,
    Asked,
    moved,
    patch,
    shared,
)

MOVED = {
    "Vcn": "/vcns/{six}",
    "Subnet": "/subnets/{six-subnet}",
    "NetworkSecurityGroup": "/networkSecurityGroups/{spare-nsg}",
    "SecurityList": "/securityLists/{spare-list}",
    "RouteTable": "/routeTables/{spare-routes}",
    "DhcpOptions": "/dhcps/{spare-dhcp}",
    "InternetGateway": "/internetGateways/{internet}",
    "NatGateway": "/natGateways/{spare-nat}",
    "LocalPeeringGateway": "/localPeeringGateways/{peering}",
    "ServiceGateway": "/serviceGateways/{service-gateway}",
    "Drg": "/drgs/{spare-drg}",
    "CaptureFilter": "/captureFilters/{filter}",
    "Vtap": "/vtaps/{vtap}",
}
ACCEPTED: dict[str, Asked] = {
    **{f"Change{resource}Compartment": moved(at) for resource, at in MOVED.items()},
    **shared("Vcn", "Vcns", "/vcns", "six", "bare"),
    **shared("Subnet", "Subnets", "/subnets", "six-subnet", "empty-subnet"),
    **shared(
        *("NetworkSecurityGroup", "NetworkSecurityGroups", "/networkSecurityGroups"),
        *("spare-nsg", "spare-nsg"),
    ),
    **shared(
        *("SecurityList", "SecurityLists", "/securityLists"),
        *("spare-list", "spare-list"),
    ),
    **shared(
        *("RouteTable", "RouteTables", "/routeTables"),
        *("spare-routes", "spare-routes"),
    ),
    **shared(
        *("DhcpOptions", "DhcpOptions", "/dhcps"),
        *("spare-dhcp", "spare-dhcp"),
    ),
    **shared(
        *("InternetGateway", "InternetGateways", "/internetGateways"),
        *("internet", "internet"),
    ),
    **shared(
        *("NatGateway", "NatGateways", "/natGateways"),
        *("spare-nat", "spare-nat"),
    ),
    **shared(
        *("LocalPeeringGateway", "LocalPeeringGateways", "/localPeeringGateways"),
        *("peering", "peering"),
    ),
    **shared(
        *("ServiceGateway", "ServiceGateways", "/serviceGateways"),
        *("service-gateway", "service-gateway"),
    ),
    **shared(
        *("CaptureFilter", "CaptureFilters", "/captureFilters"),
        *("filter", "spare-filter"),
    ),
    **shared("Vtap", "Vtaps", "/vtaps", "vtap", "vtap"),
    "CreateCaptureFilter": ("/captureFilters", HERE | NAMED | FILTER),
    "UpdateCaptureFilter": (
        "/captureFilters/{filter}",
        NAMED | {"vtapCaptureFilterRules": FILTER["vtapCaptureFilterRules"]},
    ),
    "CreateVtap": (
        "/vtaps",
        IN_SIX
        | NAMED
        | {
            "sourceId": "{six-subnet}",
            "sourceType": "SUBNET",
            "targetId": "{second-vnic}",
            "targetType": "VNIC",
            "captureFilterId": "{filter}",
            "encapsulationProtocol": "VXLAN",
            "vxlanNetworkIdentifier": 7,
            "isVtapEnabled": True,
            "trafficMode": "PRIORITY",
            "maxPacketSize": 1500,
        },
    ),
    "UpdateVtap": (
        "/vtaps/{vtap}",
        NAMED | {"isVtapEnabled": True, "captureFilterId": "{spare-filter}"},
    ),
    **shared("Drg", "Drgs", "/drgs", "spare-drg", "spare-drg"),
    **shared(
        *("DrgAttachment", "DrgAttachments", "/drgAttachments"),
        *("drg-attachment", "drg-attachment"),
    ),
    "CreateVcn": (
        "/vcns",
        HERE
        | NAMED
        | {
            "cidrBlocks": ["10.40.0.0/16"],
            "dnsLabel": "made",
            "isIpv6Enabled": True,
            "ipv6PrivateCidrBlocks": ["fd00:9::/56"],
        },
    ),
    "AddVcnCidr": ("/vcns/{six}/actions/addCidr", {"cidrBlock": "10.22.0.0/16"}),
    "ModifyVcnCidr": (
        "/vcns/{six}/actions/modifyCidr",
        {"originalCidrBlock": "10.21.0.0/16", "newCidrBlock": "10.21.0.0/17"},
    ),
    "RemoveVcnCidr": ("/vcns/{six}/actions/removeCidr", {"cidrBlock": "10.21.0.0/16"}),
    "AddIpv6VcnCidr": (
        "/vcns/{six}/actions/addIpv6Cidr",
        {"ipv6PrivateCidrBlock": "fd00:3::/56"},
    ),
    "RemoveIpv6VcnCidr": (
        "/vcns/{six}/actions/removeIpv6Cidr",
        {"ipv6CidrBlock": "fd00:2::/56"},
    ),
    "PatchVcn": (
        "/vcns/{six}",
        patch("Vcn", "ipv6PrivateCidrBlocks", ["fd00:1::/56"]),
    ),
    "CreateSubnet": (
        "/subnets",
        IN_SIX
        | NAMED
        | {
            "ipv4CidrBlocks": ["10.20.20.0/24"],
            "ipv6CidrBlocks": ["fd00:1:0:9::/64"],
            "dnsLabel": "made",
            "routeTableId": "{spare-routes}",
            "securityListIds": ["{spare-list}"],
            "dhcpOptionsId": "{spare-dhcp}",
            "prohibitPublicIpOnVnic": True,
        },
    ),
    "AddIpv4SubnetCidr": (
        "/subnets/{six-subnet}/actions/addIpv4Cidr",
        {"ipv4CidrBlock": "10.20.2.0/24"},
    ),
    "ModifyIpv4SubnetCidr": (
        "/subnets/{six-subnet}/actions/modifyIpv4Cidr",
        {"ipv4CidrBlock": "10.20.1.0/24", "updatedIpv4CidrBlock": "10.20.1.0/25"},
    ),
    "RemoveIpv4SubnetCidr": (
        "/subnets/{six-subnet}/actions/removeIpv4Cidr",
        {"ipv4CidrBlock": "10.20.1.0/24"},
    ),
    "AddIpv6SubnetCidr": (
        "/subnets/{six-subnet}/actions/addIpv6Cidr",
        {"ipv6CidrBlock": "fd00:1:0:2::/64"},
    ),
    "RemoveIpv6SubnetCidr": (
        "/subnets/{six-subnet}/actions/removeIpv6Cidr",
        {"ipv6CidrBlock": "fd00:1:0:1::/64"},
    ),
    "PatchSubnet": (
        "/subnets/{six-subnet}",
        patch("Subnet", "ipv6CidrBlocks", ["fd00:1::/64", "fd00:1:0:7::/64"]),
    ),
    "CreateNetworkSecurityGroup": ("/networkSecurityGroups", IN_SIX | NAMED),
    "ListNetworkSecurityGroupSecurityRules": (
        "/networkSecurityGroups/{nsg}/securityRules?direction=INGRESS",
        None,
    ),
    "ListNetworkSecurityGroupVnics": ("/networkSecurityGroups/{nsg}/vnics", None),
    "AddNetworkSecurityGroupSecurityRules": (
        "/networkSecurityGroups/{spare-nsg}/actions/addSecurityRules",
        {"securityRules": [RULE, RULE]},
    ),
    "UpdateNetworkSecurityGroupSecurityRules": (
        "/networkSecurityGroups/{spare-nsg}/actions/updateSecurityRules",
        {"securityRules": [RULE | {"id": "{rule}"}]},
    ),
    "RemoveNetworkSecurityGroupSecurityRules": (
        "/networkSecurityGroups/{spare-nsg}/actions/removeSecurityRules",
        {"securityRuleIds": ["{rule}"]},
    ),
    "CreateSecurityList": (
        "/securityLists",
        IN_SIX
        | NAMED
        | {
            "ingressSecurityRules": [INGRESS],
            "egressSecurityRules": [{"protocol": "all", "destination": "0.0.0.0/0"}],
        },
    ),
    "UpdateSecurityList": (
        "/securityLists/{spare-list}",
        NAMED | {"ingressSecurityRules": [INGRESS], "egressSecurityRules": []},
    ),
    "CreateRouteTable": ("/routeTables", IN_SIX | NAMED | {"routeRules": [ROUTE]}),
    "UpdateRouteTable": (
        "/routeTables/{spare-routes}",
        NAMED | {"routeRules": [ROUTE]},
    ),
    "CreateDhcpOptions": ("/dhcps", IN_SIX | NAMED | {"options": [DNS]}),
    "UpdateDhcpOptions": ("/dhcps/{spare-dhcp}", NAMED | {"options": [DNS]}),
    "CreateInternetGateway": (
        "/internetGateways",
        HERE | NAMED | {"vcnId": "{other}", "isEnabled": True},
    ),
    "CreateNatGateway": (
        "/natGateways",
        HERE | NAMED | {"vcnId": "{other}", "blockTraffic": True},
    ),
    "CreateLocalPeeringGateway": ("/localPeeringGateways", IN_SIX | NAMED),
    "ConnectLocalPeeringGateways": (
        "/localPeeringGateways/{peering}/actions/connect",
        {"peerId": "{other-peering}"},
    ),
    "CreateServiceGateway": (
        "/serviceGateways",
        HERE | NAMED | {"vcnId": "{other}", "services": [{"serviceId": SERVICE_ID}]},
    ),
    "UpdateServiceGateway": (
        "/serviceGateways/{service-gateway}",
        NAMED | {"blockTraffic": True, "services": [{"serviceId": SERVICE_ID}]},
    ),
    "AttachServiceId": (
        "/serviceGateways/{service-gateway}/actions/attachService",
        {"serviceId": SERVICE_ID},
    ),
    "DetachServiceId": (
        "/serviceGateways/{service-gateway}/actions/detachService",
        {"serviceId": SERVICE_ID},
    ),
    "ListServices": ("/services?limit=5", None),
    "GetService": (f"/services/{SERVICE_ID}", None),
    "CreateDrg": ("/drgs", HERE | NAMED),
    "CreateDrgAttachment": (
        "/drgAttachments",
        NAMED
        | {"drgId": "{spare-drg}", "networkDetails": {"type": "VCN", "id": "{other}"}},
    ),
}
