"""A client of the Kubernetes API: requests, credentials, list-then-watch."""
