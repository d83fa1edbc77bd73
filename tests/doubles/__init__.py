"""Doubles at the ports, for the fast tests only."""
