"""VCN-native pod networking for Kubernetes on Oracle Cloud Infrastructure."""

__version__ = "0.1.0"
