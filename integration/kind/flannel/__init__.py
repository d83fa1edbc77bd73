"""Flannel on the nodes of the cluster, beside vcnd, for ``./vcn kind bench``."""
