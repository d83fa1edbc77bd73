"""One ASGI app: Core, identity, IMDS and the fake's own admin."""
