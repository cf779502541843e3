"""One release of a bundle, installed by its own install.sh or by Helmfile, whose chart is an archive at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clusterbook.documents.yaml_writer import dump
from tests.interop.deployment import environment
from tests.interop.processes import run
from tests.interop.toolchain import program

DEPLOYERS = ("helm", "helmfile")
HELMS = ("helm", "helm4")


def helm_environment(folder: Path, helm: str, *names: str) -> dict[str, str]:
    """Return an environment in which `helm` is Helm 3 (`helm`) or Helm 4 (`helm4`)."""
    found = environment(folder, "kubectl", *names)
    use_helm(folder, helm)
    return found


def use_helm(folder: Path, helm: str) -> None:
    """Make `helm` of an environment in `folder` Helm 3 (`helm`) or Helm 4 (`helm4`) from now on."""
    link = folder / "bin" / "helm"
    link.unlink(missing_ok=True)
    link.symlink_to(program(helm))


class OneRelease:
    """A release `name` of the bundle in `folder`, in the cluster that `env` leads to."""

    def __init__(self, folder: Path, name: str, namespace: str, env: Mapping[str, str], deployer: str) -> None:
        self.folder, self.name, self.namespace = folder, name, namespace
        self.env, self.deployer = env, deployer

    def install(self, chart: Path) -> str:
        """Install the release from an archive, or upgrade it; return what is said.

        Raises:
            subprocess.CalledProcessError: it failed; its words are in `stderr`.
        """
        if self.deployer == "helmfile":
            return run("helmfile", "--file", self._state(chart), "sync", env=self.env)
        (script,) = self.folder.glob(f"[0-9]*-{self.name}/install.sh")
        (script.parent / "upstream.env").write_text(f"CHART='{chart}'\nREPO=''\nVERSION=''\n")
        return run("bash", script, env=self.env)

    def _state(self, chart: Path) -> Path:
        """Return a state file of the release alone."""
        for path in sorted(self.folder.glob("level-*.yaml")):
            level = YAML(typ="safe").load(path.read_text())
            for release in level["releases"]:
                if release["name"] == self.name:
                    kept = {key: value for key, value in release.items() if key not in ("needs", "version")}
                    state = self.folder / "alone.yaml"
                    # A chart that is no file of the bundle counts from the folder of the state file.
                    where = os.path.relpath(chart, self.folder)
                    rest = {key: value for key, value in level.items() if key not in ("releases", "repositories")}
                    state.write_text(dump({**rest, "releases": [{**kept, "chart": where}]}))
                    return state
        raise AssertionError(f"no level has {self.name}")

    def kubectl(self, *words: str, feed: str | None = None) -> str:
        return run("kubectl", "-n", self.namespace, *words, env=self.env, stdin=feed)

    def object(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def managers(self, kind: str, name: str) -> set[str]:
        """Return who owns fields of an object."""
        text = self.kubectl("get", kind, name, "-o", "json", "--show-managed-fields")
        return {str(each["manager"]) for each in json.loads(text)["metadata"]["managedFields"]}

    def revision(self) -> int:
        """Return how often the release was installed."""
        said = run("helm", "status", self.name, "-n", self.namespace, "-o", "json", env=self.env)
        return int(json.loads(said)["version"])
