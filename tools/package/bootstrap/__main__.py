"""The start of a single-file archive: its wheels are unpacked once for each Python, then imported from there.

Native modules cannot be imported out of a zip, and byte code is kept beside modules only in a folder. Every start after
the first costs the reading of this file alone, so it imports next to nothing.
"""

import os
import sys

DIGEST = "@DIGEST@"
"""Of all that this archive holds: another archive never meets what this one unpacked."""


def folder() -> str:
    """Return where this archive's modules lie for this Python. Source: XDG base directory specification."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):
        cache = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "clusterbook", "archive", DIGEST, "cp%d%d" % sys.version_info[:2])  # noqa: UP031


def start() -> None:
    """Run the program that this file is called like: `clusterbook`, or `clusterbook-build` by a link."""
    modules = folder()
    if not os.path.isdir(modules):
        import unpack  # type: ignore[import-not-found]  # it lies beside this file in the archive

        unpack.unpack_archive(sys.path[0], modules)
    sys.path[0] = modules
    if os.path.basename(sys.argv[0]).startswith("clusterbook-build"):
        from clusterbook.cli.build_main import main
    else:
        from clusterbook.cli.main import main
    main()


start()
