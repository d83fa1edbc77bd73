"""``values.schema.json``: the values that the chart takes.

The values of ``config`` are the daemon's configuration: their schema is made of
``vcnd.config.Config``, their meanings are the docstrings there.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from integration.website.configuration import sections
from integration.website.made import table
from vcnd.config import Config

PAGE = Path("docs") / "helm.md"
FILE = Path("deploy") / "values.schema.json"
DRAFT = "http://json-schema.org/draft-07/schema#"
TAINT = "^[A-Za-z0-9./_-]*$"
DIGEST = "^(sha256:[0-9a-f]{64})?$"
Schema = dict[str, Any]


def _object(meaning: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": meaning,
        "additionalProperties": False,
        "properties": properties,
    }


def _of(kind: str, meaning: str, **more: Any) -> Schema:
    return {"type": kind, "description": meaning, **more}


def values() -> Schema:
    """Return the schema of each top-level value, by name."""
    return {
        "image": _object(
            "The installer's image.",
            repository=_of(
                "string", "Its name, such as `registry.example/vcnd`; *required*."
            ),
            tag=_of("string", "Its tag; the chart's appVersion if left out."),
            digest=_of(
                "string",
                "Its digest, such as `sha256:…`; it counts instead of the tag.",
                pattern=DIGEST,
            ),
            pullPolicy={
                "enum": ["Always", "IfNotPresent", "Never"],
                "description": "When nodes pull it.",
            },
        ),
        "imagePullSecrets": _of(
            "array", "Secrets of the registry.", items={"type": "object"}
        ),
        "config": _config(),
        "tolerations": _of(
            "array",
            "The DaemonSet's tolerations; all taints if left out.",
            items={"type": "object"},
        ),
        "nodeSelector": _of(
            "object",
            "Labels of the nodes that get vcnd; all nodes if left out.",
            additionalProperties={"type": "string"},
        ),
        "affinity": _of("object", "The DaemonSet's affinity."),
        "resources": _of("object", "The installer's requests and limits."),
        "podAnnotations": _of(
            "object",
            "Annotations of the DaemonSet's pods.",
            additionalProperties={"type": "string"},
        ),
        "maxUnavailable": {
            "description": "How many nodes an upgrade changes at once: a number, or"
            " a part such as `10%`.",
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": "^[1-9][0-9]*%$"},
            ],
        },
        "crd": _of(
            "boolean",
            "Bring the NativePodNetwork definition; `false` if another program does"
            " (OKE, Karpenter's provider).",
        ),
        "monitoring": _of(
            "boolean",
            "Bring PodMonitors for Prometheus' operator, and serve the metrics that"
            " they ask for, at ports 9464 and 9465.",
        ),
        "uninstall": _object(
            "Remove vcnd from the nodes.",
            enabled=_of("boolean", "Run the uninstaller on each node."),
            force=_of("boolean", "Remove vcnd though pods hold addresses."),
        ),
        "global": _of("object", "Taken and ignored, for charts that have this one."),
    }


def _config() -> Schema:
    """Return the schema of the daemon's configuration."""
    definitions = msgspec.json.schema(Config)["$defs"]
    made: dict[str, Schema] = {}
    for section in sections():
        schema = _inlined(definitions[section.struct.cls.__name__], definitions)
        del schema["title"]
        for key, value in schema["properties"].items():
            text = section.meanings[key].replace("``", "`")
            value["description"] = " ".join(text.split())
        several = {"type": "array", "items": schema}
        made[section.name] = several if section.is_list else schema
    made["policy"]["properties"]["enforcement"]["enum"].append(False)
    made["kubernetes"]["properties"]["startup_taint"]["pattern"] = TAINT
    return _object("The daemon's configuration, section by section.", **made)


def _inlined(part: Any, definitions: Schema) -> Any:
    """Return a part of a schema with the definitions in place of their names."""
    if isinstance(part, dict):
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            return _inlined(definitions[name], definitions)
        return {key: _inlined(value, definitions) for key, value in part.items()}
    if isinstance(part, list):
        return [_inlined(value, definitions) for value in part]
    return part


def overview() -> str:
    """Return the table of the values, without the keys of the configuration."""
    rows: list[tuple[str, str]] = []
    for name, schema in values().items():
        parts = {} if name == "config" else schema.get("properties", {})
        rows += [(f"`{name}.{k}`", v["description"]) for k, v in parts.items()]
        if not parts:
            rows.append((f"`{name}`", schema["description"]))
    return table(("value", "meaning"), rows)


TABLES = {"values": overview}


def render() -> str:
    """Return the file's text."""
    schema = {
        "$schema": DRAFT,
        "title": "The values of vcnd's chart",
        "type": "object",
        "additionalProperties": False,
        "properties": values(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
