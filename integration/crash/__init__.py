"""``./vcn crash``: SIGKILL, or a refused call, at each step of a daemon's I/O."""
