"""Every operation of the fake, called by the SDK of any judge.

Bodies are the API's own JSON: each SDK reads them into its models, sends those, and
reads the answer into its models again.
"""

from typing import Any

from fakeoci.world.resources import Instance, Subnet, Vcn
from integration.contract.caller import Caller, made_subnet, made_vcn

ALL = "0.0.0.0/0"


def networks(caller: Caller) -> None:
    """Call operations on VCNs and subnets: CIDRs, patches, inventory and topology."""
    call, get, done = caller.call, caller.get, caller.done
    vcn = made_vcn(caller)
    caller.rounds("Vcn", "vcnId", vcn)
    done(call("AddVcnCidr", {"cidrBlock": "10.60.0.0/20"}, vcnId=vcn))
    change = {"originalCidrBlock": "10.60.0.0/20", "newCidrBlock": "10.60.0.0/19"}
    done(call("ModifyVcnCidr", change, vcnId=vcn))
    done(call("RemoveVcnCidr", {"cidrBlock": "10.60.0.0/19"}, vcnId=vcn))
    assert get("GetVcn", vcnId=vcn)["cidrBlocks"] == ["10.50.0.0/20"]
    (block,) = get("GetVcn", vcnId=vcn)["ipv6CidrBlocks"]
    private = {"ipv6PrivateCidrBlock": "fd00:7::/56"}
    done(call("AddIpv6VcnCidr", private, vcnId=vcn))
    done(call("RemoveIpv6VcnCidr", {"ipv6CidrBlock": "fd00:7::/56"}, vcnId=vcn))
    subnet = made_subnet(caller, vcn)
    caller.rounds("Subnet", "subnetId", subnet)
    done(call("AddIpv4SubnetCidr", {"ipv4CidrBlock": "10.50.2.0/24"}, subnetId=subnet))
    change = {
        "ipv4CidrBlock": "10.50.2.0/24",
        "updatedIpv4CidrBlock": "10.50.2.0/23",
    }
    done(call("ModifyIpv4SubnetCidr", change, subnetId=subnet))
    gone = {"ipv4CidrBlock": "10.50.2.0/23"}
    done(call("RemoveIpv4SubnetCidr", gone, subnetId=subnet))
    prefix = block.replace("::/56", "::/64")
    six = {"ipv6CidrBlock": prefix}
    done(call("AddIpv6SubnetCidr", six, subnetId=subnet))
    patched(caller, vcn, subnet, prefix)
    for operation in ("GetSubnetCidrUtilization", "GetSubnetIpInventory"):
        assert get(operation, subnetId=subnet)
    where = {"compartmentId": caller.compartment, "accessLevel": "ACCESSIBLE"}
    assert get("GetSubnetTopology", subnetId=subnet, **where)["entities"]
    assert get("GetVcnTopology", vcnId=vcn, **where)["entities"]
    call("DeleteSubnet", subnetId=subnet)
    call("DeleteVcn", vcnId=vcn)


def patched(caller: Caller, vcn: str, subnet: str, prefix: str) -> None:
    """Replace IPv6 CIDRs of a subnet and a VCN by PATCH, under an etag."""
    other = prefix.replace("::/64", ":0:5::/64")
    for noun, key, ocid, selection, value in (
        ("Subnet", "subnetId", subnet, "ipv6CidrBlocks", [other]),
        ("Vcn", "vcnId", vcn, "ipv6PrivateCidrBlocks", ["fd00:1::/56"]),
    ):
        etag = caller.call(f"Get{noun}", **{key: ocid}).headers["etag"]
        one = {"operation": "REPLACE", "selection": selection, "value": value}
        body = {f"patch{noun}Instructions": [one]}
        where = {key: ocid, "if_match": etag}
        caller.done(caller.call(f"Patch{noun}", body, **where))
    gone = {"ipv6CidrBlock": other}
    caller.done(caller.call("RemoveIpv6SubnetCidr", gone, subnetId=subnet))


def rules(caller: Caller) -> None:
    """Call operations on NSGs, security lists, route tables and DHCP options."""
    call, get, vcn = caller.call, caller.get, made_vcn(caller)
    common = {"compartmentId": caller.compartment, "vcnId": vcn}
    nsg = caller.make("CreateNetworkSecurityGroup", common)
    where = {"networkSecurityGroupId": nsg}
    caller.rounds("NetworkSecurityGroup", "networkSecurityGroupId", nsg)
    rule = {
        "direction": "EGRESS",
        "protocol": "6",
        "destination": ALL,
        "destinationType": "CIDR_BLOCK",
        "tcpOptions": {"destinationPortRange": {"min": 80, "max": 90}},
    }
    verb = "NetworkSecurityGroupSecurityRules"
    (added,) = get(f"Add{verb}", {"securityRules": [rule]}, **where)["securityRules"]
    change = {**rule, "id": added["id"], "protocol": "all", "tcpOptions": None}
    get(f"Update{verb}", {"securityRules": [change]}, **where)
    (listed,) = get(f"List{verb}", **where)
    assert listed["protocol"] == "all"
    call(f"Remove{verb}", {"securityRuleIds": [added["id"]]}, **where)
    assert get("ListNetworkSecurityGroupVnics", **where) in ([], None)
    call("DeleteNetworkSecurityGroup", **where)
    egress = {"protocol": "all", "destination": ALL}
    security = {**common, "egressSecurityRules": [egress], "ingressSecurityRules": []}
    made = caller.make("CreateSecurityList", security)
    caller.rounds("SecurityList", "securityListId", made)
    call("DeleteSecurityList", securityListId=made)
    table = caller.make("CreateRouteTable", {**common, "routeRules": []})
    caller.rounds("RouteTable", "rtId", table)
    call("DeleteRouteTable", rtId=table)
    option = {"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"}
    made = caller.make("CreateDhcpOptions", {**common, "options": [option]})
    caller.rounds("DhcpOptions", "dhcpId", made, plural="DhcpOptions")
    call("DeleteDhcpOptions", dhcpId=made)


def gateways(caller: Caller) -> None:
    """Create, change, connect and delete gateways of all kinds."""
    call, get, vcn = caller.call, caller.get, made_vcn(caller)
    common = {"compartmentId": caller.compartment, "vcnId": vcn}
    for noun, key, more in (
        ("InternetGateway", "igId", {"isEnabled": True}),
        ("NatGateway", "natGatewayId", {}),
    ):
        made = caller.make(f"Create{noun}", {**common, **more})
        caller.rounds(noun, key, made)
        call(f"Delete{noun}", **{key: made})
    main = {**common, "vcnId": caller.named(Vcn, "main")}
    ends = [caller.make("CreateLocalPeeringGateway", one) for one in (common, main)]
    peer = {"peerId": ends[1]}
    call("ConnectLocalPeeringGateways", peer, localPeeringGatewayId=ends[0])
    for end in ends:
        caller.rounds("LocalPeeringGateway", "localPeeringGatewayId", end)
        call("DeleteLocalPeeringGateway", localPeeringGatewayId=end)
    one, two = ({"serviceId": s["id"]} for s in get("ListServices"))
    assert get("GetService", **one)["id"] == one["serviceId"]
    made = caller.make("CreateServiceGateway", {**common, "services": [one]})
    where = {"serviceGatewayId": made}
    assert len(get("AttachServiceId", two, **where)["services"]) == 2
    assert len(get("DetachServiceId", one, **where)["services"]) == 1
    caller.rounds("ServiceGateway", "serviceGatewayId", made)
    call("DeleteServiceGateway", **where)
    drg = caller.make("CreateDrg", {"compartmentId": caller.compartment})
    caller.rounds("Drg", "drgId", drg)
    network = {"type": "VCN", "id": vcn}
    details = {"drgId": drg, "networkDetails": network}
    attached = caller.make("CreateDrgAttachment", details)
    assert get("GetDrgAttachment", drgAttachmentId=attached)["drgId"] == drg
    change, which = {"displayName": "changed"}, {"drgAttachmentId": attached}
    renamed = get("UpdateDrgAttachment", change, **which)
    assert renamed["displayName"] == "changed"
    assert get("ListDrgAttachments", compartmentId=caller.compartment)
    call("DeleteDrgAttachment", drgAttachmentId=attached)
    call("DeleteDrg", drgId=drg)


def attached(caller: Caller, subnet: str) -> tuple[str, str]:
    """Attach a VNIC and wait for it; return the OCIDs of attachment and VNIC."""
    details = {
        "instanceId": caller.named(Instance, "node1"),
        "nicIndex": 0,
        "createVnicDetails": {"subnetId": subnet, "assignPublicIp": False},
    }
    where = {"vnicAttachmentId": caller.make("AttachVnic", details)}
    caller.until(
        lambda: caller.get("GetVnicAttachment", **where)["lifecycleState"], "ATTACHED"
    )
    got = caller.get("GetVnicAttachment", **where)
    return str(got["id"]), str(got["vnicId"])


def addresses(caller: Caller) -> None:
    """Call operations on VNICs and on addresses: single, reserved and in bulk."""
    vcn = caller.named(Vcn, "main")
    caller.done(caller.call("AddIpv6VcnCidr", {}, vcnId=vcn))
    (block,) = caller.get("GetVcn", vcnId=vcn)["ipv6CidrBlocks"]
    subnet = made_subnet(caller, vcn, "10.1.64.0/24")
    six = {"ipv6CidrBlock": block.replace("::/56", "::/64")}
    caller.done(caller.call("AddIpv6SubnetCidr", six, subnetId=subnet))
    attachment, vnic = attached(caller, subnet)
    assert caller.get("GetVnic", vnicId=vnic)["subnetId"] == subnet
    change = {"displayName": "changed", "skipSourceDestCheck": True}
    assert caller.get("UpdateVnic", change, vnicId=vnic)["skipSourceDestCheck"]
    for kind, key in (("PrivateIp", "privateIpId"), ("Ipv6", "ipv6Id")):
        of_family(caller, kind, key, vnic, subnet)
    listed = caller.get("ListVnicAttachments", compartmentId=caller.compartment)
    assert attachment in [one["id"] for one in listed]
    caller.call("DetachVnic", vnicAttachmentId=attachment)


def of_family(caller: Caller, kind: str, key: str, vnic: str, subnet: str) -> None:
    """Call every operation on addresses of one family."""
    call, get, done = caller.call, caller.get, caller.done
    where = {key: caller.make(f"Create{kind}", {"vnicId": vnic, "displayName": "one"})}
    etag = call(f"Get{kind}", **where).headers["etag"]
    change = {"displayName": "two"}
    assert get(f"Update{kind}", change, if_match=etag, **where)["displayName"] == "two"
    assert len(get(f"List{kind}s", vnicId=vnic)) in (1, 2)
    call(f"Delete{kind}", **where)
    reserved = {"vnicId": vnic, "lifetime": "RESERVED"}
    where = {key: caller.make(f"Create{kind}", reserved)}
    call(f"{kind}VnicDetach", **where)
    call(f"Delete{kind}", **where)
    # The API's name for a list of IPv6s is Ipv6s, for one of private IPs PrivateIp.
    word = kind if kind == "PrivateIp" else "Ipv6s"

    def bulk(verb: str, items: list[dict[str, Any]], **on: str) -> Any:
        body = {f"bulk{verb}{word}Item": items, **on}
        work = done(call(f"Bulk{verb}{kind}s", body))
        assert work["status"] == "SUCCEEDED", work
        return [one["identifier"] for one in work["resources"]]

    (made,) = bulk("Create", [{"lifetime": "RESERVED"}], vnicId=vnic)
    bulk("Update", [{key: made, "displayName": "three"}], vnicId=vnic)
    assert get(f"Get{kind}", **{key: made})["displayName"] == "three"
    bulk("Detach", [{key: made}], vnicId=vnic)
    bulk("Delete", [{key: made}], subnetId=subnet)


def instances(caller: Caller) -> None:
    """Call operations on an instance and on a compartment's work requests."""
    get, where = caller.get, {"compartmentId": caller.compartment}
    domain = get("ListAvailabilityDomains", **where)[0]["name"]
    assert get("ListFaultDomains", availabilityDomain=domain, **where)
    shape = next(s for s in get("ListShapes", **where) if s["isFlexible"])["shape"]
    image = get("ListImages", shape=shape, **where)[0]["id"]
    assert get("GetImage", imageId=image)["operatingSystem"]
    fits = get("ListImageShapeCompatibilityEntries", imageId=image)
    assert shape in [one["shape"] for one in fits]
    details = {
        **where,
        "availabilityDomain": domain,
        "shape": shape,
        "shapeConfig": {"ocpus": 2, "memoryInGBs": 16},
        "displayName": "new",
        "createVnicDetails": {"subnetId": caller.named(Subnet, "nodes")},
        "sourceDetails": {"sourceType": "image", "imageId": image},
        "metadata": {"oke-max-pods": "31"},
    }
    launched = caller.call("LaunchInstance", details)
    made = {"instanceId": launched.data["id"]}
    assert launched.data["imageId"] == image

    def state() -> Any:
        return get("GetInstance", **made)["lifecycleState"]

    caller.until(state, "RUNNING")
    change = {"displayName": "changed"}
    assert get("UpdateInstance", change, **made)["displayName"] == "changed"
    assert get("ListInstances", **where)
    where_disks = {**where, "availabilityDomain": domain, **made}
    (disk,) = get("ListBootVolumeAttachments", **where_disks)
    volume = get("GetBootVolume", bootVolumeId=disk["bootVolumeId"])
    assert volume["imageId"] == image
    caller.call("InstanceAction", None, action="STOP", **made)
    caller.until(state, "STOPPED")
    caller.move("Instance", "instanceId", made["instanceId"])
    caller.call("TerminateInstance", **made)
    nothing = {"bulkCreatePrivateIpItem": [{}] * 65, "vnicId": first_vnic(caller)}
    work = caller.done(caller.call("BulkCreatePrivateIps", nothing))
    assert work["status"] == "FAILED"
    which = {"workRequestId": work["id"]}
    assert get("ListWorkRequestErrors", **which)
    assert get("ListWorkRequestLogs", **which)
    assert get("ListWorkRequests", **where)


def first_vnic(caller: Caller) -> str:
    """Return the OCID of a VNIC of the world file."""
    where = {"compartmentId": caller.compartment}
    return str(caller.get("ListVnicAttachments", **where)[0]["vnicId"])


def tenancy(caller: Caller) -> None:
    """Call the identity operations that tools use when they start."""
    get, world = caller.get, caller.cloud.service.world
    assert get("GetTenancy", tenancyId=world.tenancy_id)["id"] == world.tenancy_id
    compartment = {"compartmentId": caller.compartment}
    assert get("GetCompartment", **compartment)["id"] == caller.compartment
    get("ListCompartments", compartmentId=world.tenancy_id)
    assert get("ListRegions")
    assert get("ListRegionSubscriptions", tenancyId=world.tenancy_id)


def vtaps(caller: Caller) -> None:
    """Create, start, move and delete a VTAP and its capture filter."""
    call, get = caller.call, caller.get
    common = {"compartmentId": caller.compartment}
    every = [{"trafficDirection": way} for way in ("INGRESS", "EGRESS")]
    captures = {"filterType": "VTAP", "vtapCaptureFilterRules": every}
    held = caller.make("CreateCaptureFilter", {**common, **captures})
    caller.rounds("CaptureFilter", "captureFilterId", held)
    body = {
        **common,
        "vcnId": caller.named(Vcn, "main"),
        "sourceId": caller.named(Subnet, "pods"),
        "targetId": first_vnic(caller),
        "captureFilterId": held,
    }
    made = caller.make("CreateVtap", body)
    where = {"vtapId": made}
    assert get("GetVtap", **where)["lifecycleStateDetails"] == "STOPPED"
    caller.done(call("UpdateVtap", {"isVtapEnabled": True}, **where))
    assert get("GetVtap", **where)["lifecycleStateDetails"] == "RUNNING"
    caller.rounds("Vtap", "vtapId", made)
    caller.done(call("DeleteVtap", **where))
    call("DeleteCaptureFilter", captureFilterId=held)


CHAPTERS = (tenancy, networks, rules, gateways, addresses, vtaps, instances)
