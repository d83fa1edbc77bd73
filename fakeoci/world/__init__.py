"""The fake cloud's resources and rules: synchronous, with the time as an argument."""
