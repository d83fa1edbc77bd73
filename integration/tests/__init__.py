"""Tests on a real kernel, real sockets, real processes."""
