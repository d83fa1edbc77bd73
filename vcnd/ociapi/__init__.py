"""A client of OCI's API: signatures, identity, retries; no pool, no instance."""
