"""The simulated node: the real core, flows and OCI client over the in-process fake.

Time is virtual.  Doubles stand at the ports that are not OCI's: the kernel, the disk,
Kubernetes.  Tests and benches share them; the product does not know them.
"""
