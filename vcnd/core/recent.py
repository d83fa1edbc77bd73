"""How late OCI's answers may be."""

RECENT_SECONDS = 60.0
"""OCI is eventually consistent: an answer may omit a new object, or show one that is
gone, for this long."""
