"""Impact: what a change of the sources does to every recipe, seen before it is merged."""
