"""Texts that OCI checks, as types: names, DNS labels, hostnames, tags, fault domains.

Sources of the lengths: the API reference, "DNS in Your Virtual Cloud Network" and the
tagging overview.  It was observed that freeform keys have no ``.`` and no space
(docs/oci.md#semantics).
"""

from typing import Annotated, Literal, get_args

from msgspec import Meta

DisplayName = Annotated[str, Meta(min_length=1, max_length=255)]
Description = Annotated[str, Meta(min_length=1, max_length=255)]
DnsLabel = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9]{0,14}\Z")]
"""A VCN's or subnet's label: at most 15 letters and digits, the first a letter."""
Hostname = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
]
"""A label of RFC 1123: at most 63 letters, digits and hyphens, no hyphen at an end."""

TagKey = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^. ]*\Z")]
TagValue = Annotated[str, Meta(max_length=256)]
FreeformTags = Annotated[dict[TagKey, TagValue], Meta(max_length=10)]
DefinedTags = dict[TagKey, dict[TagKey, TagValue | int | bool]]
MOST_DEFINED_TAGS = 64
"""Maximum per resource, in all namespaces together."""

FaultDomain = Literal["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"]
FAULT_DOMAINS: tuple[FaultDomain, ...] = get_args(FaultDomain)
"""The fault domains of each availability domain."""
