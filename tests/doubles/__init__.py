"""Doubles of the adapters' peers, for the fast tests only."""
