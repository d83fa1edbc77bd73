"""The rules: pure and synchronous; no clock, no await, no log."""
