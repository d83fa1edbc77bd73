"""Removes secrets from texts (I12), by their form and by the names of their fields.

Addresses, OCIDs, names of pods and certificates' subjects stay: without them a bundle
explains nothing.  Pure.
"""

import re

REMOVED = b"[removed]"
_ROWS = rb"[A-Za-z0-9+/=]{16,}(?:(?:\s|\\+[nr])+[A-Za-z0-9+/=]{16,})*"
"""Of base64; in JSON a line end is a backslash and a letter."""
_KEPT = rb"(?!\[removed\])"
FORMS = (
    # With or without its end: a log may have the beginning alone.
    re.compile(
        rb"-----BEGIN [A-Z0-9 ]+-----(?:[A-Za-z0-9+/=\s\\]*-----END [A-Z0-9 ]+-----|"
        rb"(?:\s|\\+[nr])*(?:" + _ROWS + rb")?)"
    ),
    # DER in base64: a private key without its armour.
    re.compile(rb"(?=MII[\w+/]{2,5}IBA|MIGHAgEAMBM|MHcCAQEE)" + _ROWS),
    re.compile(rb"(?:ST\$)?\bey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(rb"ST\$" + _KEPT + rb"[^\s\"']+"),
    re.compile(rb"(?i)(?<=bearer )" + _KEPT + rb"[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(rb"(?i)(?<=basic )[A-Za-z0-9+/=]{8,}"),
    re.compile(rb"(?<=signature=\")" + _KEPT + rb"[^\"\s]+"),
    re.compile(rb"(?<=signature=\\\")" + _KEPT + rb"[^\"\\\s]+"),
    re.compile(rb"(?<=://)" + _KEPT + rb"[^/\s:@\"]+:[^/\s@\"]+(?=@)"),
)
"""Forms that OpenSSL, JWT, OCI and HTTP give secrets."""
FIELD = re.compile(
    rb"(?i)((?:pass_?phrase|password|passwd|secret|private_?key|key_?content|token|"
    rb"client-key-data|api-?key|fastopen_key)\\?[\"']?\s*[:=]\s*)"
    rb"(\\?\"" + _KEPT + rb"[^\"\\\n]*\\?\"|'[^'\n]*'|" + _KEPT + rb"[^\s,;}\]\"'\\]+)"
)
"""A field whose name says that its value is a secret, in TOML, JSON, YAML or logfmt."""
LONG = re.compile(rb"(?<![\w+/=.-])[A-Za-z0-9+/]{60,}={0,2}(?![\w+/=.-])")
"""A row of base64, as of a key whose beginning was cut off."""


def scrub(data: bytes) -> tuple[bytes, int]:
    """Return a text without its secrets, and how many were removed.

    Args:
        data: the text, in any encoding that has ASCII's letters.
    """
    data, removed = scrub_forms(data)
    data, fields = FIELD.subn(rb"\1" + REMOVED, data)
    return data, removed + fields


def scrub_forms(data: bytes) -> tuple[bytes, int]:
    """Return a text without what has the form of a secret.

    Args:
        data: the text.
    """
    removed = 0
    for form in FORMS:
        data, number = form.subn(REMOVED, data)
        removed += number
    return _without_rows(data, removed)


def _without_rows(data: bytes, removed: int) -> tuple[bytes, int]:
    def judge(found: re.Match[bytes]) -> bytes:
        nonlocal removed
        row = found[0]
        # A container's id, a digest or an OCID's end has small letters alone.
        mixed = row != row.lower() and any(b in b"0123456789" for b in row)
        if not mixed:
            return row
        removed += 1
        return REMOVED

    return LONG.sub(judge, data), removed
