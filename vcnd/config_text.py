"""The effective configuration as TOML (``vcnd --print-config``)."""

from typing import Any

import msgspec

from vcnd.config import Config


def render(config: Config) -> str:
    """Return the effective configuration as TOML."""
    lines: list[str] = []
    for section, content in msgspec.to_builtins(config).items():
        several = isinstance(content, list)
        for values in content if several else [content]:
            lines.append(f"[[{section}]]" if several else f"[{section}]")
            lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
            lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    # JSON's strings, numbers, booleans and arrays are TOML's.
    return msgspec.json.encode(value).decode()
