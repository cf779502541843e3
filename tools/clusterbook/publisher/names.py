"""The names under which this program and its catalog are published: a fork writes its own here, and nowhere else.

`python3 tools/dev.py rename OWNER/REPOSITORY` does, and renames what README and the guide show with it.
"""

from __future__ import annotations

REPOSITORY = "clusterbook/clusterbook"
"""The repository on GitHub; its release workflow signs what the client trusts by default."""
REGISTRY = "ghcr.io"
"""The OCI registry to which the release workflows push."""
DISTRIBUTION = "clusterbook"
"""What the program is called on PyPI; pyproject.toml has the same name."""

SOURCE = f"https://github.com/{REPOSITORY}"
BASE = f"{REGISTRY}/{REPOSITORY.lower()}"
"""Below it are recipes, bundles and index of each release; it is also the client's image."""
CLIENT_IMAGE = BASE
AGENT_IMAGE = f"{BASE}/agent"

INSTALL = (
    f"pipx install {DISTRIBUTION}    # or: uv tool install {DISTRIBUTION}",
    f"docker run --rm {CLIENT_IMAGE} list    # or podman; nothing is installed",
    f"curl -fLO {SOURCE}/releases/latest/download/clusterbook-$(uname -s)-$(uname -m).pyz    # one file, for python3",
    f"git clone {SOURCE} && python3 {REPOSITORY.partition('/')[2]}/tools/dev.py build    # a checkout",
)
"""One line for each way to install this program; README, the home page and the guide show them."""
