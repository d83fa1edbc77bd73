"""The fake OCI."""
