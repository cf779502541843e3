"""The command `clusterbook diff`: its flags. What compares is loaded when it is called; see `comparison`."""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.cli.command import OF_ACCESS, OF_CLUSTERS, OF_TRUST, Argument, Caller, Command, Request
from clusterbook.cli.flags import CONFIG, DIFF_FORMATS, KUBECONFIG, PLACES, TRUST, Flag
from clusterbook.cli.reply import Reply

SEVERITIES = ("critical", "warning", "info", "noise")


def answer(request: Request, _caller: Caller) -> Reply:
    """Say what differs."""
    from clusterbook.cli import comparison

    about_clusters = any(map(request.says, ("ignore", "ignore_from", "severity")))
    if "config" in request.values:
        from clusterbook.cli.config import diff_request, read_config

        request = request.over(diff_request(read_config(request.values["config"])))
    return comparison.answer(request, about_clusters=about_clusters)


_FLAGS = (
    Flag("registry", ("--registry",), "Ledger with versions, digests and releases.", "DIR", default="registry"),
    PLACES[0],
    *TRUST,
    KUBECONFIG,
    CONFIG,
    Flag("format", ("--format", "-t"), "Output format.", values=DIFF_FORMATS),
    Flag("output", ("--output", "-o"), "Write to this file.", "FILE"),
    Flag(
        "ignore",
        ("--ignore",),
        "Ignore changes at these paths (OS.sysctl.*). May be repeated.",
        "PATTERN",
        repeated=True,
    ),
    Flag(
        "ignore_from", ("--ignore-from",), "File of such patterns, one a line. May be repeated.", "FILE", repeated=True
    ),
    Flag(
        "severity",
        ("--severity",),
        "Lowest severity of cluster changes to report; default: info.",
        values=SEVERITIES,
    ),
    Flag("exit_code", ("--exit-code", "--fail-on-drift"), "Exit with status 10 when there are differences."),
)
COMMANDS: Mapping[str, Command] = {
    "diff": Command(
        "diff",
        _FLAGS,
        (Argument("old", required=True), Argument("new", required=True)),
        answer,
        "Compare recipes, bundles, releases or snapshots, or a recipe with a cluster (drift)."
        "\n\nOLD and NEW are recipes of this catalog (h100-eks-training), versions of one (h100-eks-training@1.0.0),"
        " what it was in a release (h100-eks-training@2026.3.0), digests (sha256:…), files, bundles,"
        " or two releases (2026.3.0 2026.7.0). Versions and releases are those of the ledger of a clone, or of the"
        " published catalog that --source names. A bundle is compared by what it deploys, its options included.\n\n"
        "With a snapshot as NEW, OLD is an older snapshot, or a recipe or a bundle's folder that was deployed: then "
        "components, charts, versions and values are compared with what is installed. Severities: critical "
        "means another cluster or a missing part, warning changed behaviour, info worth knowing, noise "
        "normal activity. With a folder of snapshots as NEW there is a line for each cluster, the worst"
        " first.",
        "clusterbook diff h100-eks-training gb200-eks-training",
        rules=(
            OF_CLUSTERS._replace(needs=("old", "new")),
            OF_TRUST._replace(needs=("source",)),
            OF_ACCESS._replace(needs=("source",)),
        ),
    )
}
"""What compares, by name."""
