"""Removes secrets from texts (I12), by their form and by the names of their fields.

Addresses, OCIDs, names of pods and certificates' subjects stay: without them a bundle
explains nothing.  Pure.

Each pattern reads a text once: where one could begin anywhere in a run of characters,
it begins at the run's start, and possessive repeats (``++``) give nothing back.
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
)
"""Forms that OpenSSL gives secrets."""
DOTTED = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:ST\$)?[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]*+)+"
)
"""What may end in a JWT: a run, of which ``_without_jwt`` keeps what is none."""
JWT_HEAD = re.compile(rb"(?:ST\$)?\bey(?=[A-Za-z0-9_-]{8})")
OTHER_FORMS = (
    re.compile(rb"ST\$" + _KEPT + rb"[^\s\"']+"),
    re.compile(rb"(?i)(?<=bearer )" + _KEPT + rb"[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(rb"(?i)(?<=basic )[A-Za-z0-9+/=]{8,}"),
    re.compile(rb"(?<=signature=\")" + _KEPT + rb"[^\"\s]+"),
    re.compile(rb"(?<=signature=\\\")" + _KEPT + rb"[^\"\\\s]+"),
    # A name may have an ``@``, as a mail address has one.
    re.compile(rb"(?<=://)" + _KEPT + rb"[^/\s:\"]++:[^/\s\"]+(?=@)"),
)
"""Forms that OCI and HTTP give secrets."""
_NAMES = (
    rb"(?:pass[_-]?phrase|password|passwd|secret|private[_-]?key|key[_-]?content|token|"
    rb"client-key-data|api[_-]?key|access[_-]?key|fastopen_key|"
    rb"(?:encryption|signing|session|shared|account)[_-]?key)"
)
_QUOTED = (
    # TOML's and Python's, of several lines.
    rb"\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\")?|"
    rb"'''(?:[^']|'(?!''))*+(?:''')?|"
    # An end may be cut off: then the rest of the line goes, too.
    rb"\"(?:[^\"\\\n]|\\[^\n])*+\"?|"
    rb"'(?:[^'\\\n]|\\[^\n]|'')*+'?|"
    # In a text that is quoted itself: what is quoted deeper has more backslashes.
    rb"(?P<deep>\\++)\"(?:[^\"\\\n]|(?P=deep)\\++\"|\\++(?![\"\\]))*+(?:(?P=deep)\")?"
)
_BARE = rb"(?:[^\s,;}\]\"'\\]|\\++(?![\"'\\\s]))++"
"""A backslash before a quote is that of a text around it."""
FIELD = re.compile(
    rb"(?is)(" + _NAMES + rb"\\*+[\"']?\s*+(?::=|=>|==?|:)\s*+)" + _KEPT + rb"(?:"
    # YAML's block of lines.
    rb"[|>][-+0-9]*+[ \t\r]*+\n(?:[ \t]++[^\n]++\n?)++|"
    + _QUOTED
    + rb"|"
    + _BARE
    + rb")"
)
"""A field whose name says that its value is a secret, in TOML, JSON, YAML or logfmt."""
OPTION = re.compile(
    rb"(?s)((?<![\w-])--?[\w-]*?(?i:"
    + _NAMES
    + rb")(?:\s++|\\*+[\"'],?\s*+(?=\\*[\"'])))"
    # A short word of small letters is one of a sentence.
    rb"(?!-|[a-z]{1,7}\s)" + _KEPT + rb"(?:" + _QUOTED + rb"|" + _BARE + rb")"
)
"""An option of a program, and its value behind it."""
LONG = re.compile(rb"(?<![\w+/=.-])[A-Za-z0-9+/]{60,}={0,2}(?![\w+/=.-])")
"""A row of base64, as of a key whose beginning was cut off."""


def scrub(data: bytes) -> tuple[bytes, int]:
    """Return a text without its secrets, and how many were removed.

    Args:
        data: the text, in any encoding that has ASCII's letters.
    """
    data, removed = scrub_forms(data)
    for named in (FIELD, OPTION):
        data, number = named.subn(rb"\1" + REMOVED, data)
        removed += number
    return data, removed


def scrub_forms(data: bytes) -> tuple[bytes, int]:
    """Return a text without what has the form of a secret.

    Args:
        data: the text.
    """
    removed = 0
    for form in FORMS:
        data, number = form.subn(REMOVED, data)
        removed += number
    data, number = _without_tokens(data)
    removed += number
    for form in OTHER_FORMS:
        data, number = form.subn(REMOVED, data)
        removed += number
    return _without_rows(data, removed)


def _without_tokens(data: bytes) -> tuple[bytes, int]:
    """Return a text without JWTs, and how many there were."""
    removed = 0

    def judge(found: re.Match[bytes]) -> bytes:
        nonlocal removed
        kept, number = _without_jwt(found[0])
        removed += number
        return kept

    return DOTTED.sub(judge, data), removed


def _without_jwt(run: bytes) -> tuple[bytes, int]:
    """Return a run of parts with dots between without its JWTs, and their number.

    A JWT has two or three parts; the first one may stand behind other words.
    """
    parts = run.split(b".")
    out, number, at = list[bytes](), 0, 0
    while at < len(parts):
        head = JWT_HEAD.search(parts[at])
        if head is None or not any(parts[at + 1 : at + 2]):
            out.append(parts[at])
            at += 1
            continue
        out.append(parts[at][: head.start()] + REMOVED)
        number += 1
        at += 3
    return b".".join(out), number


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
