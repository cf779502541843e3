"""The command `clusterbook-build`: a table of its commands, and a module for each subject."""
