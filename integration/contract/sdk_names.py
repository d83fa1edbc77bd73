"""The Python SDK's names of operations, read from its sources."""

import re
from pathlib import Path

CLIENTS = ("core", "identity", "work_requests")
_OPERATION = re.compile(
    r'resource_path = "(?P<path>[^"]+)"\s+'
    r'method = "(?P<method>\w+)"\s+'
    r'operation_name = "(?P<name>\w+)"\s+'
    r'api_reference_link = "(?P<link>[^"]*)"'
)


def names(place: Path) -> dict[str, str]:
    """Return method and path of each operation by its name in Oracle's reference."""
    found = {}
    for client in CLIENTS:
        for source in sorted((place / "oci" / client).glob("*_client.py")):
            for match in _OPERATION.finditer(source.read_text(encoding="utf-8")):
                name = match["link"].rpartition("/")[2] or camel(match["name"])
                found[name] = f"{match['method']} {match['path']}"
    return found


def camel(name: str) -> str:
    """Return the API's form of a name, for operations without a reference."""
    return "".join(part.capitalize() for part in name.split("_"))


def document(place: Path) -> str:
    """Return the text of ``fakeoci/api/names.toml``."""
    rows = [f'{name} = "{what}"' for name, what in sorted(names(place).items())]
    return "\n".join(["# Made by integration/contract/sdk_names.py.", *rows, ""])
