"""The nft tables of network policies, and what they count and log."""
