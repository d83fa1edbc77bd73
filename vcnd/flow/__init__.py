"""The flows: what the node does over time, on the rules of core and over the ports."""
