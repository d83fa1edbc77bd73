"""The fake's ASGI app: Core, identity, IMDS and the admin API."""
