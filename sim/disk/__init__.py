"""A simulated disk, on which the real journal writes.

A power cut loses what was not synced, or keeps parts of it, out of order.  Writes,
syncs and renames can be refused.
"""
