"""The values: immutable, and known to every layer."""
