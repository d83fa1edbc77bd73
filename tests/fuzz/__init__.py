"""Inputs without end for everything that reads what others write."""
