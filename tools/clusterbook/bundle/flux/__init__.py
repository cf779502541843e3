"""The deployer flux: a HelmRelease for each folder."""
