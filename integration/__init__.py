"""Runs the product on real parts."""
