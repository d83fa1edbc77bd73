"""Request bodies, typed; one file for each kind of resource."""
