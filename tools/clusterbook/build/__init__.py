"""The `clusterbook-build` command: from sources to every answer."""
