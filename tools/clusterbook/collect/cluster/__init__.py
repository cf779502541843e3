"""A cluster, as its API shows it."""
