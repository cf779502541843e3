"""`upgrade`: what an upgrade brings, planned; see `clusterbook.upgrade`."""
