"""What stands between a caller's HTTP library and the fake cloud in its process."""
