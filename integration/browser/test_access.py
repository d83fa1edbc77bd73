"""Keyboard, sizes, colours, screen readers' names, less motion."""

from typing import Any

import pytest

from integration.browser import axe, chromium
from integration.browser.chromium import expect
from integration.browser.conftest import PHONE, WIDE, Site
from integration.browser.flows import line


def _fill(site: Site) -> None:
    """Let the page have something of everything."""
    site.add_block()
    site.service.occupants["10.0.0.66"] = "web-1"
    site.call()
    site.call("/vnics/ocid1.vnic.oc1.iad.none")
    site.flows.waiting = [
        line("10.0.0.2", 8080, accepted=True),
        line("10.0.0.9", 22, accepted=False),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(
    browser: Any, site: Site, size: dict[str, int], scheme: str
) -> None:
    if not axe.script().exists():
        pytest.skip("no npm on this machine, or axe-core is not installed")
    options: dict[str, Any] = {"viewport": size, "color_scheme": scheme}
    options["reduced_motion"] = "reduce"
    with chromium.opened(browser, site.url, **options) as page:
        _fill(site)
        expect(page.locator("#flows-rows tr")).to_have_count(2)
        page.get_by_role("switch", name="Throttling").click()
        expect(page.locator("#active button")).to_have_count(1)
        assert axe.violations(page) == []
        page.get_by_role("button", name="Shortcuts").click()
        expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
        assert axe.violations(page) == []


def test_axe_finds_a_button_without_a_name(page: Any) -> None:
    if not axe.script().exists():
        pytest.skip("no npm on this machine, or axe-core is not installed")
    page.evaluate("document.getElementById('theme').textContent = ''")
    (found,) = axe.violations(page)
    assert found.startswith("button-name: ")


@pytest.mark.parametrize("width", [320, 360, 414, 768, 1024, 1440, 2560])
def test_page_needs_no_sideways_scrolling(browser: Any, site: Site, width: int) -> None:
    size = {"width": width, "height": 800}
    with chromium.opened(browser, site.url, viewport=size) as page:
        _fill(site)
        expect(page.locator("#flows-rows tr")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for title in ("Network", "Faults", "API calls", "Flows"):
            expect(page.get_by_role("region", name=title, exact=True)).to_be_visible()


def test_keyboard_reaches_every_section(page: Any) -> None:
    page.keyboard.press("Tab")
    first = page.get_by_role("link", name="Skip to network")
    expect(first).to_be_focused()
    expect(first).to_be_in_viewport()
    page.keyboard.press("Enter")
    for key, section in (("2", "faults"), ("3", "calls"), ("4", "flows")):
        page.keyboard.press(key)
        expect(page.locator(f"#{section}")).to_be_focused()
    page.keyboard.press("/")
    filter_ = page.get_by_label("Filter flows by")
    expect(filter_).to_be_focused()
    page.keyboard.type("p2")  # letters in a field are no shortcuts
    expect(filter_).to_have_value("p2")
    page.keyboard.press("Escape")
    expect(filter_).to_have_value("")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_shortcuts_are_listed_and_can_be_switched_off(page: Any) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Shortcuts")
    expect(dialog).to_be_visible()
    dialog.get_by_label("shortcuts of one letter are on").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("p")
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.reload()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()


def test_arrow_keys_move_among_addresses(page: Any, site: Site) -> None:
    _fill(site)
    used = page.get_by_role("button", name="10.0.0.66, used by web-1")
    used.wait_for()
    page.get_by_role("button", name="10.0.0.2, primary").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(used).to_be_focused()
    expect(page.locator("#detail")).to_contain_text("used by web-1")
    site.service.occupants["10.0.0.67"] = "web-2"  # the map is drawn anew
    page.get_by_role("button", name="10.0.0.67, used by web-2").wait_for()
    expect(used).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="10.0.0.71, in the pool")).to_be_focused()
    page.keyboard.press("Home")
    expect(page.get_by_role("button", name="10.0.0.2, primary")).to_be_focused()
    node = page.get_by_role("group", name="Node node1")
    assert node.locator("button[tabindex='0']").count() == 1


def test_theme_follows_the_system_until_it_is_chosen(browser: Any, site: Site) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with chromium.opened(browser, site.url, color_scheme="dark") as page:
        dark = page.evaluate(ground)
        page.keyboard.press("t")
        light = page.evaluate(ground)
        assert light != dark
        page.reload()
        assert page.evaluate(ground) == light
        page.get_by_role("button", name="Theme: light").click()
        assert page.evaluate(ground) == dark


def test_less_motion_is_respected(browser: Any, site: Site) -> None:
    fresh = "getComputedStyle(document.querySelector('tr.fresh')).animationName"
    for wish, expected in (("reduce", "none"), ("no-preference", "fresh")):
        with chromium.opened(browser, site.url, reduced_motion=wish) as page:
            site.call()
            page.locator("tr.fresh").first.wait_for(state="attached")
            assert page.evaluate(fresh) == expected
