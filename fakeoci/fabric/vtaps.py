"""The VXLAN devices of a VCN's VTAPs."""

from collections.abc import Mapping
from itertools import count

from fakeoci.fabric import netns
from fakeoci.fabric.copying import FIRST_PORT, OWN_ADDRESS, device_name, table
from fakeoci.fabric.mirrors import Mirror

INNER_MTU = 8950


class Mirrors:
    """Owns the devices and rules of one VCN's VTAPs.  Synchronous."""

    def __init__(self, name: str) -> None:
        self._netns = name
        self._numbers = count()
        self._devices: dict[tuple[str, str, str, int], int] = {}
        """A mirror's ``device`` → the number of its device."""
        self._loaded = table([], {})

    def bring_to(self, wanted: tuple[Mirror, ...], names: Mapping[str, str]) -> None:
        """Mirror what is wanted and nothing else.

        Args:
            wanted: the mirrors.
            names: VNIC → its link.
        """
        for mirror in wanted:
            if mirror.device not in self._devices:
                self._devices[mirror.device] = self._make(mirror)
        numbered = [(m, self._devices[m.device]) for m in wanted]
        text = table(numbered, names)
        if text != self._loaded:
            netns.nft(self._netns, text)
            self._loaded = text
        for device in self._devices.keys() - {m.device for m in wanted}:
            number = self._devices.pop(device)
            netns.ip(self._netns, [f"link del {device_name(number)}"])

    def _make(self, mirror: Mirror) -> int:
        number = next(self._numbers)
        name = device_name(number)
        made = (
            f"link add {name} mtu {INNER_MTU} type vxlan"
            f" id {mirror.identifier} local {OWN_ADDRESS} remote {mirror.target}"
            f" dstport {FIRST_PORT + number} nolearning"
        )
        address = f"addr replace {OWN_ADDRESS}/32 dev lo"
        netns.ip(self._netns, [address, made])
        # The device itself sends nothing: it only gets copies, each of one packet.
        netns.sysctl(self._netns, {f"ipv6/conf/{name}/disable_ipv6": 1})
        settings = ("arp off", "gso_max_segs 1", "up")
        netns.ip(self._netns, [f"link set {name} {one}" for one in settings])
        return number
