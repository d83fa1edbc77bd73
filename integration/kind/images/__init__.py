"""The images of a kind cluster: Kubernetes', ours, the node's."""
