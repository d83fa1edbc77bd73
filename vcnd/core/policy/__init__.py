"""Network policy: what it permits, worked out from objects that are values."""
