"""The ports: what the flows need from outside.  Adapters satisfy them structurally."""

from vcnd.ports.cloud import Begun, Cloud
from vcnd.ports.cluster import Cluster
from vcnd.ports.host import Host
from vcnd.ports.journal import Journal
from vcnd.ports.pods import KeptPods, Policies

__all__ = ["Begun", "Cloud", "Cluster", "Host", "Journal", "KeptPods", "Policies"]
