"""Requests about instances, VNICs and addresses, and of identity."""

from tests.fakeoci.accepted.bodies import HERE, NAMED, Asked, lists, moved

ADDRESSES = {
    "PrivateIp": ("PrivateIps", "/privateIps", "ip", "reserved", "privateIpId"),
    "Ipv6": ("Ipv6s", "/ipv6", "ipv6", "reserved-ipv6", "ipv6Id"),
}


def _addresses(resource: str) -> dict[str, Asked]:
    plural, path, name, reserved, ocid = ADDRESSES[resource]
    item = "PrivateIpItem" if resource == "PrivateIp" else "Ipv6sItem"
    host = "hostnameLabel" if resource == "PrivateIp" else "hostname"
    block = "ipv4SubnetCidrAtCreation" if resource == "PrivateIp" else "ipv6SubnetCidr"
    cidr = "10.20.1.0/24" if resource == "PrivateIp" else "fd00:1:0:1::/64"
    on, more = {"vnicId": "{second-vnic}"}, {block: cidr, "lifetime": "EPHEMERAL"}
    new = NAMED | more | {host: "made"}
    return {
        f"List{plural}": (f"{path}?vnicId={{second-vnic}}&lifetime=EPHEMERAL", None),
        f"Create{resource}": (path, on | new),
        f"Get{resource}": (f"{path}/{{{name}}}", None),
        f"Update{resource}": (f"{path}/{{{name}}}", on | NAMED | {host: "again"}),
        f"Delete{resource}": (f"{path}/{{{name}}}", None),
        f"{resource}VnicDetach": (f"{path}/{{{reserved}}}/actions/detach", None),
        f"BulkCreate{plural}": (
            f"{path}/actions/bulkCreate{plural}",
            on | {f"bulkCreate{item}": [new, more]},
        ),
        f"BulkDelete{plural}": (
            f"{path}/actions/bulkDelete{plural}",
            on | {f"bulkDelete{item}": [{ocid: f"{{{name}}}"}]},
        ),
        f"BulkDetach{plural}": (
            f"{path}/actions/bulkDetach{plural}",
            on | {f"bulkDetach{item}": [{ocid: f"{{{reserved}}}"}]},
        ),
        f"BulkUpdate{plural}": (
            f"{path}/actions/bulkUpdate{plural}",
            on | {f"bulkUpdate{item}": [{ocid: f"{{{name}}}", **NAMED}]},
        ),
    }


ACCEPTED: dict[str, Asked] = {
    **_addresses("PrivateIp"),
    **_addresses("Ipv6"),
    "ListVnicAttachments": lists("/vnicAttachments", "&instanceId={node1}"),
    "AttachVnic": (
        "/vnicAttachments",
        {
            "instanceId": "{node1}",
            "displayName": "third",
            "nicIndex": 0,
            "createVnicDetails": NAMED
            | {
                "subnetId": "{six-subnet}",
                "nsgIds": ["{spare-nsg}"],
                "privateIp": "10.20.0.77",
                "hostnameLabel": "three",
                "assignPublicIp": False,
                "skipSourceDestCheck": True,
                "ipv6AddressIpv6SubnetCidrPairDetails": [
                    {"ipv6SubnetCidr": "fd00:1::/64"}
                ],
            },
        },
    ),
    "GetVnicAttachment": ("/vnicAttachments/{second}", None),
    "DetachVnic": ("/vnicAttachments/{second}", None),
    "GetVnic": ("/vnics/{second-vnic}", None),
    "UpdateVnic": (
        "/vnics/{second-vnic}",
        NAMED
        | {
            "hostnameLabel": "new",
            "nsgIds": ["{spare-nsg}"],
            "skipSourceDestCheck": True,
            "routeTableId": "{spare-routes}",
        },
    ),
    "ListInstances": lists("/instances", "&lifecycleState=RUNNING"),
    "LaunchInstance": (
        "/instances",
        HERE
        | NAMED
        | {
            "availabilityDomain": "{domain}",
            "shape": "VM.Standard.E5.Flex",
            "shapeConfig": {"ocpus": 2.0, "memoryInGBs": 16.0},
            "sourceDetails": {
                "sourceType": "image",
                "imageId": "{image}",
                "bootVolumeSizeInGBs": 50,
            },
            "faultDomain": "FAULT-DOMAIN-1",
            "metadata": {"user_data": "eA=="},
            "extendedMetadata": {"more": {"nested": 1}},
            "createVnicDetails": {"subnetId": "{pods}", "nsgIds": ["{nsg}"]},
        },
    ),
    "GetInstance": ("/instances/{node1}", None),
    "UpdateInstance": (
        "/instances/{node1}",
        NAMED
        | {
            "shape": "VM.Standard.E5.Flex",
            "shapeConfig": {"ocpus": 3.0},
            "metadata": {"key": "value"},
            "faultDomain": "FAULT-DOMAIN-2",
        },
    ),
    "ChangeInstanceCompartment": moved("/instances/{node1}"),
    "InstanceAction": ("/instances/{node1}?action=STOP", None),
    "TerminateInstance": ("/instances/{node1}", None),
    "ListShapes": lists("/shapes", "&limit=3"),
    "ListImages": lists("/images", "&sortBy=DISPLAYNAME"),
    "GetImage": ("/images/{image}", None),
    "ListImageShapeCompatibilityEntries": ("/images/{image}/shapes", None),
    "ListBootVolumeAttachments": lists(
        "/bootVolumeAttachments", "&availabilityDomain={domain}"
    ),
    "GetBootVolume": ("/bootVolumes/{boot-volume}", None),
    "GetSubnetCidrUtilization": ("/ipInventory/subnets/{six-subnet}/cidrs", None),
    "GetSubnetIpInventory": ("/ipInventory/subnets/{six-subnet}", None),
    "GetSubnetTopology": lists("/subnetTopology", "&subnetId={six-subnet}"),
    "GetVcnTopology": lists("/vcnTopology", "&vcnId={six}&accessLevel=ANY"),
    "ListAvailabilityDomains": lists("/availabilityDomains"),
    "ListFaultDomains": lists("/faultDomains", "&availabilityDomain={domain}"),
    "ListCompartments": lists("/compartments"),
    "GetCompartment": ("/compartments/{compartment}", None),
    "GetTenancy": ("/tenancies/{tenancy}", None),
    "ListRegions": ("/regions", None),
    "ListRegionSubscriptions": ("/tenancies/{tenancy}/regionSubscriptions", None),
    "ListWorkRequests": lists("/workRequests"),
    "GetWorkRequest": ("/workRequests/{work}", None),
    "ListWorkRequestErrors": ("/workRequests/{work}/errors", None),
    "ListWorkRequestLogs": ("/workRequests/{work}/logs", None),
}
