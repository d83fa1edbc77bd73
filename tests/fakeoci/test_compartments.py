"""Several compartments: objects are created and listed in their own."""

from collections.abc import Iterator

import httpx2
import pytest

from fakeoci.api.service import Service
from fakeoci.world.resources import (
    Instance,
    Nsg,
    Subnet,
    Vcn,
    VnicAttachment,
)
from fakeoci.world.worldfile import WorldFileError, default_text, parse
from tests.fakeoci.calls import CORE
from tests.fakeoci.compartments import TEXT, get, names, names_of, ocid, post, several


def test_a_world_has_one_compartment_unless_it_declares_more() -> None:
    plain, more = parse(default_text()), parse(TEXT)
    assert names_of(plain) == ["fakeoci", "network"]
    assert names_of(more) == ["fakeoci", "network", "apps", "shop"]
    assert plain.compartment_id == more.compartment_id
    assert {n.compartment_id for n in more.objects.values()} == {more.compartment_id}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('name = "apps"', 'name = "network"', "a compartment 'network' already"),
        ('parent = "apps"', 'parent = "shop"', "no compartment named 'shop'"),
        ('name = "apps"', 'name = "a:b"', "Expected `str` matching regex"),
        ('subnet = "nodes"', 'subnet = "nodes"\ncompartment = "x"', "named 'x'"),
    ],
)
def test_mistakes_in_compartments_are_named(old: str, new: str, reason: str) -> None:
    with pytest.raises(WorldFileError, match=reason):
        parse(TEXT.replace(old, new))


def test_objects_of_the_file_are_where_it_says() -> None:
    text = TEXT.replace('name = "main"', 'name = "main"\ncompartment = "apps"')
    text = text.replace('subnet = "nodes"', 'subnet = "nodes"\ncompartment = "shop"')
    pods = '[[vcns.subnets]]\nname = "pods"'
    text = text.replace(pods, f'{pods}\ncompartment = "shop"')
    nsg = '[[vcns.nsgs]]\nname = "pods"'
    world = parse(text.replace(nsg, f'{nsg}\ncompartment = "network"'))
    node = world.named(Instance, "node1")
    vnic = world.vnics_of(node.id)[0]
    places = {c.id: c.name for c in world.compartments.all()}
    found = [
        places[resource.compartment_id]
        for resource in (
            world.named(Vcn, "main"),
            world.named(Subnet, "nodes"),
            world.named(Subnet, "pods"),
            world.named(Nsg, "pods"),
            node,
            vnic,
            world.private_ips_of(vnic.id)[0],
            next(a for a in world.all(VnicAttachment) if a.vnic_id == vnic.id),
        )
    ]
    assert found == ["apps", "apps", "shop", "network", "shop", "apps", "apps", "shop"]


@pytest.fixture
def service() -> Iterator[Service]:
    with several() as made:
        yield made


def test_identity_lists_the_tree(service: Service) -> None:
    tenancy = service.world.tenancy_id
    assert names(get("/compartments", compartmentId=tenancy)) == ["network", "apps"]
    whole = get("/compartments", compartmentId=tenancy, compartmentIdInSubtree="true")
    assert names(whole) == ["network", "apps", "shop"]
    assert names(get("/compartments", compartmentId=ocid(service, "apps"))) == ["shop"]
    shop = get(f"/compartments/{ocid(service, 'shop')}")
    assert shop["compartmentId"] == ocid(service, "apps")
    asked = {"compartmentId": shop["id"], "compartmentIdInSubtree": "true"}
    assert httpx2.get(f"{CORE}/compartments", params=asked).status_code == 400


def test_new_object_is_listed_in_its_compartment_alone(service: Service) -> None:
    shop, apps = ocid(service, "shop"), ocid(service, "apps")
    body = {"compartmentId": shop, "cidrBlocks": ["10.50.0.0/20"], "displayName": "v"}
    assert post("/vcns", body).json()["compartmentId"] == shop
    assert names(get("/vcns", compartmentId=shop)) == ["v"]
    assert get("/vcns", compartmentId=apps) == []
    main = get("/vcns", compartmentId=service.world.compartment_id)
    assert names(main) == ["main", "peer"]
    nowhere = post("/vcns", {**body, "compartmentId": f"{shop}x"})
    assert nowhere.status_code == 404
    assert nowhere.json()["code"] == "NotAuthorizedOrNotFound"


def test_compartments_keep_their_ocids(service: Service) -> None:
    shop = {"compartmentId": ocid(service, "shop"), "cidrBlocks": ["10.50.0.0/20"]}
    made = post("/vcns", shop).json()["id"]
    kept = service.dump()
    text = TEXT.replace("seed = 1", "seed = 2")
    other = Service(parse(text + '\n[[compartments]]\nname = "new"\n'), service.clock)
    other.restore(kept)
    assert names_of(other.world)[-1] == "new"
    assert ocid(other, "shop") == ocid(service, "shop")
    assert other.world.get(Vcn, made).compartment_id == ocid(other, "shop")
