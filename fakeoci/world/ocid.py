"""OCIDs, MACs and other generated names: the same seed gives the same ones."""

import base64
from random import Random
from typing import Any


class Names:
    """Makes names that look like OCI's."""

    def __init__(self, *, seed: int, region_key: str) -> None:
        self.seed = seed
        self._random = Random(seed)  # noqa: S311 - names, no secrets
        self._region_key = region_key
        self._nics = self._publics = 0

    def ocid(self, kind: str) -> str:
        """Return an OCID: ``ocid1.<kind>.oc1.<region>.<unique>``."""
        unique = base64.b32encode(self._random.randbytes(35)).decode().lower()
        regional = "" if kind in ("tenancy", "compartment") else self._region_key
        return f"ocid1.{kind}.oc1.{regional}.{unique}"

    def mac(self) -> str:
        """Return the next MAC address, local and unicast."""
        self._nics += 1
        return (0x02_00_17_00_00_00 + self._nics).to_bytes(6).hex(":")

    def public_ip(self) -> str:
        """Return the next public address, from a block for documentation."""
        self._publics += 1
        return f"203.0.113.{100 + self._publics}"

    def segment(self) -> str:
        """Return a server's part of an opc-request-id."""
        return self._random.randbytes(16).hex().upper()

    def state(self) -> dict[str, Any]:
        """Return the position in the sequence of names."""
        version, numbers, gauss = self._random.getstate()
        return {
            "random": [version, list(numbers), gauss],
            "nics": self._nics,
            "publics": self._publics,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue the sequence of names from a position."""
        version, numbers, gauss = state["random"]
        self._random.setstate((version, tuple(numbers), gauss))
        self._nics, self._publics = state["nics"], state["publics"]
