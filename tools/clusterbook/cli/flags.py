"""Flags, and those that several commands take, so that their names and help are written once.

Part of every look-up, so it imports next to nothing.
"""

from __future__ import annotations

from clusterbook.diagnostics.console import SWITCHES
from clusterbook.records import NamedTuple

VARIABLES = "CLUSTERBOOK_"
"""How every variable of ours begins."""
BUILD = f"{VARIABLES}BUILD_"
"""How the variables of clusterbook-build begin, which it alone knows."""


class Flag(NamedTuple):
    """One flag. `names` are its spellings, the first the full one; `values` the words it takes, () for any word.

    One that is `repeated` may stand several times; of a `number` the word is one. `default` is what help says to be
    meant without it. Every flag may be set in the environment, see `variable`.
    """

    key: str
    names: tuple[str, ...]
    help: str
    metavar: str = ""
    values: tuple[str, ...] = ()
    repeated: bool = False
    number: bool = False
    default: str = ""

    @property
    def switch(self) -> bool:
        """Return whether the flag stands alone, without a value."""
        return not self.metavar and not self.values

    @property
    def variable(self) -> str:
        """Return the environment variable that sets the flag: it is called like the flag."""
        return VARIABLES + self.names[0].removeprefix("--").replace("-", "_").upper()


ANYWHERE = tuple(Flag(name[2:].replace("-", "_"), (name,), text) for name, text in SWITCHES.items())
"""The flags of the program itself, which every command takes, too."""


def read_list(text: str, variable: str) -> tuple[str, ...]:
    """Return the words that a variable gives to a flag that may be repeated: one a line, or a JSON list.

    Raises:
        InvalidRequest: it begins like a JSON list, and is none of texts.
    """
    if not text.lstrip().startswith("["):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    import json

    from clusterbook.diagnostics.errors import InvalidRequest

    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InvalidRequest(
            "this is not a JSON list of strings", place=variable, hint='write ["…", "…"], or one a line'
        )
    return tuple(words)


CRITERIA = (
    Flag("service", ("--service",), "Kubernetes service, such as eks.", "NAME"),
    Flag("accelerator", ("--accelerator", "--gpu"), "GPU model, such as h100.", "NAME"),
    Flag("intent", ("--intent",), "training or inference.", "NAME"),
    Flag("os", ("--os",), "Operating system of the nodes, such as ubuntu.", "NAME"),
    Flag("platform", ("--platform",), "Workload platform, such as kubeflow.", "NAME"),
    Flag("nodes", ("--nodes",), "Number of GPU nodes.", "COUNT"),
    Flag(
        "criteria_strict",
        ("--criteria-strict",),
        "Refuse criteria values that are not in the catalog's own vocabulary.",
    ),
)
CONFIG = Flag("config", ("--config",), "Configuration file or URL (ClusterbookConfig or AICRConfig).", "FILE")
INHERITED = Flag("allow_inherited", ("--allow-inherited",), "Accept a recipe that ignores some of the criteria.")
PROFILE = Flag(
    "profile",
    ("--profile",),
    "Choose an option of a recipe, such as gpuStack=operator-managed. May be repeated.",
    "NAME=VALUE",
    repeated=True,
)
CHOICES = {
    "slurm.accounting.mode": Flag(
        "slurm_accounting_mode", ("--slurm-accounting-mode",), "Who provides the database of Slurm accounting.", "MODE"
    ),
    "runtimeInventory.mode": Flag(
        "runtime_inventory",
        ("--runtime-inventory",),
        "Deploy the AI software inventory, where the recipe has it: enabled or disabled.",
        "MODE",
    ),
}
"""Choices that have a flag of their own, by name."""
KUBECONFIG = Flag(
    "kubeconfig", ("--kubeconfig", "-k"), "Kubeconfig for cm://NAMESPACE/NAME; default: as for kubectl.", "FILE"
)
INHERIT_FROM = Flag(
    "inherit_from",
    ("--inherit-from",),
    "Keep namespaces, charts, manifests and object names of what is deployed: an older recipe, or a bundle's folder.",
    "FILE|DIR",
)
INTERFACES = Flag(
    "interfaces",
    ("--gke-tcpxo-interfaces",),
    "Network of each GPU interface of a GKE node.",
    "eth1=NETWORK,…,eth8=NETWORK",
)
ANSWER = (
    PROFILE,
    *CHOICES.values(),
    INTERFACES,
    INHERITED,
    INHERIT_FROM,
    Flag(
        "recipe",
        ("--recipe", "-r"),
        "Recipe, overlay or criteria file (path, URL or cm://), instead of criteria flags.",
        "FILE",
    ),
    Flag(
        "snapshot",
        ("--snapshot", "-s"),
        "Take criteria from a cluster snapshot, and refuse a recipe whose constraints it fails.",
        "FILE",
    ),
    CONFIG,
    KUBECONFIG,
)
REMOTE = ("oci://", "oci-layout:")
"""How a place begins that is no file: a registry, or the folder of an OCI layout."""
ACCESS = (
    Flag("plain_http", ("--plain-http",), "Use plain HTTP with the registry."),
    Flag("ca_file", ("--ca-file",), "CA certificates to trust instead of the system's (PEM).", "FILE"),
)
POLICY = Flag(
    "policy",
    ("--policy",),
    "Trust policy; default: ~/.config/clusterbook/trust.yaml, else our release workflow.",
    "FILE",
)
KEY = Flag("key", ("--key",), "Trust this public key instead of a policy.", "FILE", repeated=True)
UNSIGNED = Flag(
    "allow_unsigned", ("--allow-unsigned",), "Accept unsigned artifacts; an invalid signature is still an error."
)
AT_LEAST = Flag("at_least", ("--at-least",), "Refuse releases older than this one.", "RELEASE")
RELEASE = Flag(
    "release", ("--release",), "Answer from this release, such as 2026.7.0; for one recipe type SLUG@VERSION.", "NAME"
)
REGISTRY = Flag(
    "registry", ("--registry",), "The ledger of a clone, for versions and releases; default: registry.", "DIR"
)
PLACES = (
    Flag(
        "source",
        ("--source",),
        "Index, source tree, or published catalog (oci://HOST/BASE); default: the index built in.",
        "DIR|FILE|OCI",
    ),
    Flag("data", ("--data",), "Private tree over the catalog: a folder, or oci://HOST/REPOSITORY@DIGEST.", "DIR|OCI"),
    Flag("external_only", ("--external-only",), "Use the tree of --data alone, without the catalog below it."),
    RELEASE,
    REGISTRY,
)
TRUST = (POLICY, KEY, UNSIGNED, AT_LEAST, *ACCESS)
"""Whom to believe where something is in a registry, and how it is spoken to."""
WHERE = (*PLACES, *TRUST)
"""Where recipes are looked up, and whom to believe where that is a registry."""
FILE = Flag("output", ("--output", "-o"), "Write to this file instead of standard output.", "FILE")
OUTPUT = (
    Flag("format", ("--format", "-t"), "Output format.", values=("yaml", "json", "table")),
    FILE,
)
DIFF_FORMATS = ("text", "markdown", "json", "yaml")
"""Output format."""
