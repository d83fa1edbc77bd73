"""Inbound: the calls of the container runtime and of vcndctl."""
