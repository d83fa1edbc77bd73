"""What is published of a commit: made the same each time, listed, and signed."""
