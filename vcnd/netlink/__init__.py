"""Netlink messages as bytes and values: route, nftables, conntrack."""
