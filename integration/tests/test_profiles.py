"""Image profiles: a lab's node has the settings of its image."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab.profile import Profile
from integration.tests.conftest import SOON_SECONDS

OTHER = 2
LATE = "link add late type veth peer name later"


@pytest.fixture
def node() -> Iterator[str]:
    netns.add("image")
    netns.ip("image", ["link add early type veth peer name early2"])
    yield "image"
    netns.remove("image")


def _setting(node: str, path: str) -> str:
    return netns.inside(node, Path("/proc/sys/net", path).read_text).strip()


@pytest.mark.parametrize(
    ("image", "everywhere", "link"),
    [("plain", "0", "0"), ("ubuntu", "2", "0"), ("oracle-linux", "1", "1")],
)
async def test_boot_settings_hold_for_links_that_appear_later(
    image: str, everywhere: str, link: str, node: str
) -> None:
    profile = Profile(image)
    profile.boot(node)
    assert _setting(node, "ipv4/ip_forward") == "0"
    assert _setting(node, "ipv4/conf/all/rp_filter") == everywhere
    assert _setting(node, "ipv4/conf/early/rp_filter") == link
    async with trio.open_nursery() as nursery:
        await nursery.start(profile.treat_new_links, node)
        default = _setting(node, "ipv4/conf/default/rp_filter")
        # A pattern of the image reverts a change by the program that made the link.
        netns.ip(node, [LATE])
        netns.sysctl(node, {"ipv4/conf/late/rp_filter": OTHER})
        wanted = "1" if image == "oracle-linux" else str(OTHER)
        with trio.fail_after(SOON_SECONDS):
            while _setting(node, "ipv4/conf/late/rp_filter") != wanted:
                await trio.sleep(0.01)
        assert default == everywhere
        nursery.cancel_scope.cancel()
    profile.set_up_vcnd(node)
    assert _setting(node, "ipv4/ip_forward") == "1"


async def test_firewalls_are_reloaded_whole(node: str) -> None:
    for image in ("ubuntu", "oracle-linux"):
        profile = Profile(image)
        profile.load_firewall(node)
        once = netns.nft_output(node, "-s list ruleset")
        profile.load_firewall(node)
        assert netns.nft_output(node, "-s list ruleset") == once
        assert "prohibited" in once
        netns.nft(node, "flush ruleset\n")
