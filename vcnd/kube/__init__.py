"""Kubernetes: what is bound to this node, and what it is told of the node."""
