"""The `clusterbook` command: answers from an index that was built beforehand."""
