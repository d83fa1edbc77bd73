"""What a node costs the cloud, in virtual time, beside a replay of the incumbent."""
