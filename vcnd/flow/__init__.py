"""The verbs over time, in terms of the core and the ports."""
