"""The daemon's configuration: right in all parts, or refused by name.

A configuration that was read is written, and read alike.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.memory_file import in_memory
from vcnd.config import Config
from vcnd.config_reading import ConfigError, load
from vcnd.config_text import render

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
        config = _load(data)
    except ConfigError as error:
        if not str(error).isprintable():
            raise AssertionError(
                f"{error!r} says nothing, or moves a cursor"
            ) from error
        return
    text = render(config)
    tomllib.loads(text)
    if _load(text.encode()) != config:
        raise AssertionError(f"it is read back as other than {config}")


def _load(data: bytes) -> Config:
    with in_memory(data) as path:
        return load(path, node_name="n")


def seeds() -> Iterable[bytes]:
    """Return the examples, and each section."""
    for path in sorted(EXAMPLES.glob("*/vcnd.toml")):
        yield path.read_bytes()
    yield from (WORDS[0] + word for word in WORDS[1:])
    yield b"".join(WORDS)
