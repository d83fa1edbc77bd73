"""The lab: nodes and pods as network namespaces, the real daemon, the fake cloud."""
