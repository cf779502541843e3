"""The flags of `bundle`: one for each option of a bundle, and those that say where it goes.

Knows their names and help. Does not know what the options do: that is `core.bundle.options`.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.bundle.options import DEPLOYERS, OPTIONS, REPEATED, flag
from clusterbook.cli.flags import ANSWER, CRITERIA, WHERE, Flag

_TAINT = "KEY[=VALUE][:EFFECT]"
_HELP: Mapping[str, tuple[str, str]] = {
    "deployer": ("What installs it; default: helm.", ""),
    "set": ("Set one value; enabled=false leaves a component out.", "COMPONENT:PATH=VALUE"),
    "setJson": ("Set a value to JSON: objects merge, null removes.", "COMPONENT:PATH=JSON"),
    "setFile": ("Set a value to a file's content; .json and .yaml are read.", "COMPONENT:PATH=FILE"),
    "dynamic": ("Leave a value to the installation.", "COMPONENT:PATH"),
    "systemNodeSelector": ("Label of the nodes for system pods.", "KEY=VALUE"),
    "systemNodeToleration": ("Taint that system pods tolerate; default: all.", _TAINT),
    "acceleratedNodeSelector": ("Label of the nodes with GPUs.", "KEY=VALUE"),
    "acceleratedNodeToleration": ("Taint that pods on GPU nodes tolerate; default: all.", _TAINT),
    "workloadGate": ("Taint that keeps workloads off a node until it is tuned.", "KEY[=VALUE]:EFFECT"),
    "workloadSelector": ("Label of the workloads that tuning waits for.", "KEY=VALUE"),
    "nodes": ("How many GPU nodes the cluster will have, for what is sized by it.", "COUNT"),
    "storageClass": ("StorageClass of the volumes.", "NAME"),
    "appName": ("Name of the parent Application (argocd, argocd-helm).", "NAME"),
    "repo": ("Git or OCI URL where the bundle will lie (argocd, argocd-helm, flux).", "URL"),
    "targetRevision": ("Branch, tag or version there.", "REVISION"),
    "fluxNamespace": ("Namespace of the Flux objects; default: flux-system.", "NAME"),
    "fluxOciSourceName": ("Name of the Flux source of an OCI bundle.", "NAME"),
    "readinessHooks": ("Wait after a component until its readiness test holds.", ""),
    "vendorCharts": ("Pull the charts into the bundle, with helm.", ""),
}
"""Help and metavar by option."""


def _flag(option: str) -> Flag:
    """Return the flag of an option."""
    name = flag(option)
    names = (name, "-d") if option == "deployer" else (name,)
    text, metavar = _HELP[option]
    text = f"{text} May be repeated." if option in REPEATED else text
    values = DEPLOYERS if option == "deployer" else ()
    return Flag(name.removeprefix("--").replace("-", "_"), names, text, metavar, values, option in REPEATED)


FLAGS: Mapping[str, Flag] = {option: _flag(option) for option in OPTIONS}
"""Flag by option."""
ASKED = (*(each for each in CRITERIA if each.key != "nodes"), *ANSWER, *WHERE)
"""The flags that say which recipe; --nodes is an option of the bundle here."""
TARGET = (
    Flag("output", ("--output", "-o"), "Folder, .tar.gz or .tgz file to write; default: bundle.", "DIR|FILE"),
    Flag("force", ("--force",), "Write into a folder that holds other files, or edited ones."),
    Flag("diff", ("--diff",), "Write nothing; say what would change about this bundle. Exits 10 on a change.", "OLD"),
    Flag("format", ("--format", "-t"), "How the result is printed.", values=("text", "json")),
)
EVERY = (*ASKED, *FLAGS.values(), *TARGET)
