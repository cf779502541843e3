"""Documents: YAML and JSON read with the place of every value, checked, named by digest, and written."""
