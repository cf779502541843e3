"""The units collector and a real systemd: a user's instance, whose own socket speaks like that of the system.

systemd only starts where /run/systemd/system is, so it gets a /run of its own in a mount namespace.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.collect.node import systemd
from clusterbook.diff.snapshots import drift
from clusterbook.snapshot.build import Capture, document
from clusterbook.snapshot.model import read_snapshot
from tests.interop.processes import Servers
from tests.support import machines

SYSTEMD = Path("/usr/lib/systemd/systemd")
UNIT = """\
[Service]
ExecStart=/bin/sleep 600 --token=hunter2
Environment=PASSWORD=hunter2
LimitNOFILE=1024
Restart=always
"""
START = 'mount -t tmpfs none /run && mkdir -p /run/systemd/system && exec "$@"'


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """The root of a machine on which systemd runs, kubelet.service among its units."""
    if not SYSTEMD.exists() or shutil.which("unshare") is None:
        pytest.skip("no systemd here")
    if os.geteuid() != 0:
        pytest.skip("only root may give systemd a /run of its own")
    with tempfile.TemporaryDirectory() as short, Servers(Path(short)) as servers:
        home = Path(short)
        (home / "run").mkdir(mode=0o700)
        configuration = home / "config/systemd/user"
        configuration.mkdir(parents=True)
        (configuration / "kubelet.service").write_text(UNIT)
        variables = {"XDG_RUNTIME_DIR": str(home / "run"), "XDG_CONFIG_HOME": str(home / "config")}
        words = ("unshare", "--mount", "sh", "-c", START, "sh", SYSTEMD, "--user", "--unit=basic.target")
        server = servers.start("systemd", *words, env=variables)
        server.wait_until(lambda: not look(home).gaps, "answering")
        yield home


def look(root: Path) -> Capture:
    return systemd.units(machines.host(root))


def test_a_real_systemd_says_all_about_a_unit(root: Path) -> None:
    seen = look(root)
    assert list(seen.gaps) == []
    kubelet = seen.measurements["SystemD"]["kubelet.service"].data
    assert len(kubelet) > 250
    assert (kubelet["LoadState"], kubelet["ActiveState"], kubelet["Restart"]) == ("loaded", "inactive", "always")
    assert kubelet["LimitNOFILE"] == 1024
    assert "hunter2" not in str(kubelet)


def test_a_unit_that_is_not_installed_says_so(root: Path) -> None:
    docker = look(root).measurements["SystemD"]["docker.service"].data
    assert (docker["LoadState"], docker["ActiveState"]) == ("not-found", "inactive")


def test_looking_twice_is_no_drift(root: Path) -> None:
    before, after = (read_snapshot(document(look(root), {})) for _ in range(2))
    assert len(before.measurements["SystemD"]) == len(systemd.UNITS)
    assert [change.path for change in drift(before, after)] == []
