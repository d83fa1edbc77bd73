"""The page shows what happens in the cloud while it happens."""

from typing import Any

from fakeoci.world.resources import Instance, Subnet
from integration.browser import chromium
from integration.browser.chromium import expect
from integration.browser.conftest import Site, fresh_site
from integration.browser.flows import line

MARKUP = "<img src=x onerror=alert(1)>"


def test_map_has_every_subnet_node_and_address(page: Any, site: Site) -> None:
    world = site.service.world
    for subnet in world.all(Subnet):
        part = page.get_by_role("region", name=f"Subnet {subnet.display_name}")
        expect(part).to_contain_text(subnet.cidr_blocks[0])
    for instance in world.all(Instance):
        group = page.get_by_role("group", name=f"Node {instance.display_name}")
        expect(group).to_contain_text(
            world.primary_ip(world.vnics_of(instance.id)[0].id)
        )


def test_address_comes_and_goes(page: Any, site: Site) -> None:
    address = site.add_block()
    node = page.get_by_role("group", name="Node node1")
    expect(node.get_by_role("button")).to_have_count(9)
    expect(node).to_contain_text("8 in the pool")
    site.service.occupants["10.0.0.66"] = "web-1"
    used = page.get_by_role("button", name="10.0.0.66, used by web-1")
    used.click()
    expect(page.locator("#detail")).to_contain_text("of block 10.0.0.64/29")
    site.service.world.drop(address)
    expect(node.get_by_role("button")).to_have_count(1)


def test_calls_come_with_verdict_and_request_id(page: Any, site: Site) -> None:
    assert site.call() == 200
    assert site.call("/vnics/ocid1.vnic.oc1.iad.none") == 404
    rows = page.locator("#calls-rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("GetVnic")
    expect(rows.nth(0)).to_contain_text("404 NotAuthorizedOrNotFound")
    expect(rows.nth(1)).to_contain_text(site.service.records[0].opc_request_id)
    page.get_by_label("only problems").check()
    expect(rows).to_have_count(1)
    page.get_by_label("only problems").uncheck()
    page.get_by_label("Filter calls by").fill("listvcns")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("node1")


def test_flows_come_with_the_rule_that_decided(page: Any, site: Site) -> None:
    site.flows.waiting = [
        line("10.0.0.2", 8080, accepted=True),
        line("10.0.0.2", 8080, accepted=True, reply=True),
        line("10.0.0.9", 22, accepted=False),
    ]
    rows = page.locator("#flows-rows tr")
    expect(rows).to_have_count(2)
    page.get_by_label("replies").check()
    expect(rows).to_have_count(3)
    page.get_by_label("Which flows").select_option("dropped")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("drop")
    expect(rows).to_contain_text("no rule of security list nodes allows tcp 22")


def test_full_subnet_raises_the_alarm(page: Any, site: Site) -> None:
    world = site.service.world
    page.get_by_label("Subnet", exact=True).select_option("pods")
    page.get_by_role("button", name="Fill subnet").click()
    pods = page.get_by_role("region", name="Subnet pods")
    expect(pods).to_contain_text("4,093 of 4,093 taken, 100 %")
    expect(page.locator(".figures .alarm")).to_contain_text("Fullest subnet")
    page.get_by_role("button", name="Relieve subnet").click()
    expect(pods).to_contain_text("0 of 4,093 taken")
    assert world.space(world.named(Subnet, "pods").id).free == 4093


def test_pause_keeps_the_tables_as_they_are(page: Any, site: Site) -> None:
    site.call()
    rows = page.locator("#calls-rows tr")
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    site.call()
    node = page.get_by_role("group", name="Node node3")
    site.service.world.drop(site.service.world.named(Instance, "node3"))
    expect(node).to_have_count(0)  # the map goes on: the call came before
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Continue").click()
    expect(rows).to_have_count(2)


def test_names_are_shown_as_text(page: Any, site: Site) -> None:
    world = site.service.world
    page.on("dialog", lambda dialog: dialog.accept())
    vnic = world.vnics_of(world.named(Instance, "node1").id)[0]
    vnic.is_primary, vnic.display_name = False, MARKUP
    vnic.freeform_tags = {MARKUP: MARKUP}
    world.named(Subnet, "pods").display_name = MARKUP
    world.touch(vnic)
    site.service.occupants["10.0.0.2"] = MARKUP
    site.service.record(
        operation=MARKUP,
        principal=MARKUP,
        client="",
        status=400,
        code=MARKUP,
        opc_request_id=MARKUP,
    )
    expect(page.locator("#calls-rows tr")).to_contain_text(MARKUP)
    expect(page.get_by_role("region", name=f"Subnet {MARKUP}")).to_have_count(1)
    page.get_by_role("button", name=f"10.0.0.2, used by {MARKUP}").click()
    expect(page.locator("#detail")).to_contain_text(f"{MARKUP}={MARKUP}")
    assert page.locator("main img").count() == 0


def test_page_comes_back_after_a_restart_of_the_cloud(browser: Any) -> None:
    site = fresh_site()
    with site.serving():
        opened = chromium.opened(browser, site.url)
        page = opened.__enter__()
    link = page.locator("#link")
    expect(link).to_have_text("no connection, trying again")
    site.service.world.drop(site.service.world.named(Instance, "node3"))
    with site.serving():
        expect(link).to_have_text("live")
        expect(page.get_by_role("group", name="Node node3")).to_have_count(0)
        opened.__exit__(None, None, None)
