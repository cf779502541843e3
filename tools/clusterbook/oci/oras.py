"""oras: the names of Docker Hub as oras-py has them, and its reader as a second judge of the layouts that we write.

The only module that imports oras. Its client is not used (see `http`); its reader of layouts is imported only when a
layout was written, since that takes a quarter of a second.
"""

from __future__ import annotations

from pathlib import Path

from oras.defaults import registry

from clusterbook.diagnostics.transport import Malformed

DOCKER_HUB = (registry.index_name, registry.index_hostname)
"""What Docker Hub is called in the names of images."""
DOCKER_HUB_API = registry.default_v2_registry["host"]
"""Where Docker Hub's API really is."""


def check_layout(folder: Path) -> None:
    """Make sure that oras takes a folder for an OCI image layout, as whoever carries it on may use it.

    Raises:
        Malformed: it does not.
    """
    from oras.layout import Layout

    try:
        Layout(str(folder))
    except (OSError, ValueError) as error:
        raise Malformed(f"{folder} is not an OCI layout: {error}", hint="publish it again") from error
