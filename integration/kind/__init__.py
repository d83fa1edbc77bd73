"""A real multi-node Kubernetes whose nodes and pods live in the fake cloud's VCN."""
