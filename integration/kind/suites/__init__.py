"""Others' suites that test network policies, run on the cluster."""
