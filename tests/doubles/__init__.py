"""Doubles of what the adapters speak to, for the fast tests only."""
