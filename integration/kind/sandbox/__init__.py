"""What the processes on a node may do, and what their units keep them from."""
