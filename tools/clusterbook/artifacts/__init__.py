"""What a release puts into a registry, and the index that says what is there and that it is the newest."""
