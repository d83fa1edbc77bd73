"""The checks of ``./vcn kind test``: each is a function, and has its name."""
