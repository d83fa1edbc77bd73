"""A node's API calls and times, in virtual time, beside a replay of the incumbent."""
