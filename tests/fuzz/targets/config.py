"""The daemon's configuration: right in all parts, or refused by name.

A configuration that was read is written, and read alike.
"""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path

from vcnd.config import ConfigError, load, render

EXAMPLES = Path(__file__).parents[3] / "deploy" / "overlays"
WORDS = (
    b'[oci]\nsubnet_id = "ocid1.subnet.oc1.iad.a"\nip_families = ["IPv4", "IPv6"]\n',
    b"[pool]\nbatch = 8\nbuffer = 4\n[cni]\npatience_seconds = 45.0\n",
    b'[node]\nmark_mask = 0xff\n[kubernetes]\nkubeconfig = "/k"\nnode_name = "n"\n',
    b'[policy]\nenforcement = "strict"\nmetrics = "localhost:9"\nmanifests = "/m"\n',
    b'[[allow]]\nnamespaces = ["*"]\nsubnet_ids = ["*"]\n[log]\nlevel = "debug"\n',
)


def run(data: bytes) -> None:
    """Load a file."""
    try:
        config = load(_file(data), node_name="n")
    except ConfigError as error:
        str(error).encode("utf-8", "replace")
        return
    text = render(config)
    tomllib.loads(text)
    if load(_file(text.encode()), node_name="n") != config:
        raise AssertionError(f"it is read back as other than {config}")


def _file(data: bytes) -> Path:
    """Return a file in memory."""
    path = Path(f"/dev/shm/vcnd-fuzz-{os.getpid()}")
    path.write_bytes(data)
    return path


def seeds() -> Iterable[bytes]:
    """Return the examples, and each section."""
    for path in sorted(EXAMPLES.glob("*/vcnd.toml")):
        yield path.read_bytes()
    yield from (WORDS[0] + word for word in WORDS[1:])
    yield b"".join(WORDS)
