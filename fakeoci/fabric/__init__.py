"""The world's packets: VCNs as network namespaces that route, in a real kernel."""
