"""The nouns: immutable values that every floor may speak of."""
