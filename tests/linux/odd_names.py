"""Names that a kernel gives to links, and that mean something else to nft."""

ODD_NAMES = (
    "oci*",
    "ocia*",
    'oci"x',
    'oci"accept',
    "oci\\*",
    "oci$x",
    "oci{}",
    "oci;",
    "oci#",
    "oci\x01",
    "oci\ufffd",
    "ociä",
)
"""The last but one is what bytes are read as that are no UTF-8."""
