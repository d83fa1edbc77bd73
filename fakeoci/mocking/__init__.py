"""Connects a caller's HTTP library with the fake cloud in its process."""
