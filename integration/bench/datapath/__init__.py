"""``./vcn bench datapath``: what the kernel does for a pod's packet, in time."""
