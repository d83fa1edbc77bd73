"""Programs and images built from package registries, cached outside the repository."""
