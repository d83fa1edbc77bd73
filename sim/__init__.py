"""The simulated node: the real core, flows and OCI client over the in-process fake.

Time is virtual.  The other ports have doubles: the kernel, the disk, Kubernetes.  Tests
and benches share them; the product does not import them.
"""
