"""Outbound: Oracle Cloud Infrastructure."""
