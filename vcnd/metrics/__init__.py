"""Writes what the owners of numbers tell in Prometheus' formats."""
