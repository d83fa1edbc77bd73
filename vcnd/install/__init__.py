"""Puts vcnd on a node, keeps it there, and takes it away again.

Runs in a pod of the DaemonSet, whose image is the daemon's own root: that tree is
laid down on the node, and systemd there runs the daemon in it.
"""
