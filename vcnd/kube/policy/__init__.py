"""Network policies of the API, and what they are about."""
