"""Outbound: the Linux kernel."""
