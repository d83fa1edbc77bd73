"""Bills of materials of what we publish."""
