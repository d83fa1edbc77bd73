"""The fake cloud's nouns and rules: synchronous, with the time as an argument."""
