"""vcnd-policy on simulated nodes: a kernel that judges packets, and the truth."""
