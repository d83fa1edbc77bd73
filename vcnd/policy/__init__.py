"""Network policies in force on this node."""
