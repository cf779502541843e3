"""The image of the agent that belongs to this program: the one that was published together with it.

A release builds that image first and puts its digest into everything else that it builds (`dev.py package
--agent-digest`), so an installed program runs exactly that image. A checkout has no such file and names a tag.
"""

from __future__ import annotations

import re
from pathlib import Path

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.publisher.names import AGENT_IMAGE

DIGEST_FILE = Path(__file__).with_name("agent.digest")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BrokenInstallation(ClusterbookError):
    """A file that was installed with this program is damaged. Install the program again."""

    code = "CB250"
    exit_status = 8


def agent_image(version: str, digest_file: Path = DIGEST_FILE) -> str:
    """Return the agent's image of a version of this program; of an unreleased one that is the newest.

    Raises:
        BrokenInstallation: what should be the digest is none.
    """
    tag = f"v{version}" if re.fullmatch(r"\d+(\.\d+)*", version) else "latest"
    if not digest_file.is_file():
        return f"{AGENT_IMAGE}:{tag}"
    digest = digest_file.read_text(encoding="ascii", errors="replace").strip()
    if not _DIGEST.fullmatch(digest):
        raise BrokenInstallation(f"{digest_file} does not hold a digest", hint="install clusterbook again")
    return f"{AGENT_IMAGE}:{tag}@{digest}"
