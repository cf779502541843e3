"""Work folders: where something is made, checked, and then put in its place.

Knows that whoever owns one could swap what was checked: in a folder such as /tmp anybody can make it first. Does not
know what is made there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from clusterbook.diagnostics.errors import Unwritable


def work_folder(path: Path) -> Path:
    """Return the folder `path`, made if it is not there: it is ours, and nobody else may look into it.

    Raises:
        Unwritable: somebody else made it, or it leads elsewhere.
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
        what = f"{path}, where the result would be made, was put there by somebody else"
        raise Unwritable(what, hint="do not trust it: remove it, or name a place in a folder of your own")
    return path
