"""Options: how a bundle is customised, as words and as what they mean.

Every option, which of them go together, and the document that records them in a bundle. Source: reference rows
B20-B31, B37.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from clusterbook.bundle import settings as setting_grammar
from clusterbook.bundle.settings import Setting, Taint
from clusterbook.diagnostics.errors import InvalidRequest, did_you_mean
from clusterbook.documents.api_version import API_VERSION
from clusterbook.records import Any, NamedTuple

DEPLOYERS = ("helm", "helmfile", "argocd", "argocd-helm", "flux")
KIND = "BundleOptions"
OptionWords = Mapping[str, Any]
"""Words by option (REPEATED hold a list of words, SWITCHES true, the others one word); absent when not given."""

REPEATED = (
    "set",
    "setJson",
    "setFile",
    "setSecret",
    "dynamic",
    "systemNodeSelector",
    "systemNodeToleration",
    "acceleratedNodeSelector",
    "acceleratedNodeToleration",
    "workloadSelector",
)
SWITCHES = ("readinessHooks", "vendorCharts")
SINGLE = (
    "deployer",
    "workloadGate",
    "nodes",
    "storageClass",
    "sharedStorageClass",
    "appName",
    "repo",
    "targetRevision",
    "fluxNamespace",
    "fluxOciSourceName",
)
OPTIONS = (*SINGLE, *SWITCHES, *REPEATED)
_DEPLOYER_KEYS: dict[str, tuple[str, ...]] = {
    "argocd": ("namePrefix", "destinationServer", "project", "cascadeDelete"),
    "argocd-helm": ("namePrefix", "destinationServer", "project", "cascadeDelete"),
}
"""What `--set deployer:…` may set. Source: reference row B22."""
_ONLY_FOR: dict[str, tuple[str, ...]] = {
    "appName": ("argocd", "argocd-helm"),
    "repo": ("argocd", "argocd-helm", "flux"),
    "targetRevision": ("argocd", "argocd-helm", "flux"),
    "fluxNamespace": ("flux",),
    "fluxOciSourceName": ("flux",),
    "dynamic": ("helm", "helmfile", "argocd-helm", "flux"),
    "setSecret": ("helm", "helmfile", "flux"),
}
"""Deployers that an option means something to."""
DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DNS_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
NAME_PREFIX = r"[a-z0-9]([a-z0-9-]{0,29})"
REPO = r"(https?|oci|ssh|git)://[^\s'\"{}]+|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s'\"{}]+"
SERVER = r"https?://[^\s'\"{}]+"
REVISION = r"[A-Za-z0-9][A-Za-z0-9._/+-]*"


class Options(NamedTuple):
    """What the words of a request mean.

    `settings` are those of --set, `typed` those of --set-file and --set-json, `secrets` those of --set-secret.
    """

    deployer: str
    settings: tuple[Setting, ...] = ()
    typed: tuple[Setting, ...] = ()
    secrets: tuple[Setting, ...] = ()
    dynamic: tuple[Setting, ...] = ()
    system_selector: Mapping[str, str] = {}
    system_tolerations: tuple[Taint, ...] = ()
    accelerated_selector: Mapping[str, str] = {}
    accelerated_tolerations: tuple[Taint, ...] = ()
    workload_selector: Mapping[str, str] = {}
    workload_gate: Taint | None = None
    nodes: int = 0
    storage_class: str = ""
    shared_storage_class: str = ""
    readiness_hooks: bool = False
    vendor_charts: bool = False
    app_name: str = ""
    repo: str = ""
    target_revision: str = ""
    flux_namespace: str = "flux-system"
    flux_oci_source: str = "clusterbook-bundle"
    name_prefix: str = ""
    destination_server: str = "https://kubernetes.default.svc"
    project: str = "default"
    cascade_delete: bool = False


def read_options(request: OptionWords) -> Options:
    """Return what a request means.

    Raises:
        InvalidRequest: a word is malformed, or one option excludes another.
    """
    deployer = str(request.get("deployer") or "helm")
    if deployer not in DEPLOYERS:
        raise InvalidRequest(f"--deployer {deployer} is unknown", hint=did_you_mean(deployer, DEPLOYERS))
    for option, deployers in _ONLY_FOR.items():
        if request.get(option) and not concerns(option, deployer):
            raise InvalidRequest(
                f"{flag(option)} does not apply to the deployer {deployer}",
                hint=f"leave it out, or choose --deployer {' or '.join(deployers)}",
            )
    settings = [setting_grammar.read_set(word) for word in request.get("set", ())]
    refuse_repetition(settings)
    typed = [setting_grammar.read_json(word, flag="--set-file") for word in request.get("setFile", ())]
    typed += [setting_grammar.read_json(word) for word in request.get("setJson", ())]
    for each in typed:
        if each.target == "deployer":
            raise InvalidRequest(f"{each.flag} does not address the deployer", hint="write --set deployer:key=value")
    refuse_repetition(typed)
    dynamic = tuple(setting_grammar.read_dynamic(word) for word in request.get("dynamic", ()))
    secrets = tuple(setting_grammar.read_secret(word) for word in request.get("setSecret", ()))
    _refuse_unseen_files(secrets, deployer)
    gate = request.get("workloadGate")
    return Options(
        deployer=deployer,
        settings=tuple(each for each in settings if each.target != "deployer"),
        typed=tuple(typed),
        secrets=secrets,
        dynamic=dynamic,
        system_selector=_labels(request, "systemNodeSelector"),
        system_tolerations=_tolerations(request, "systemNodeToleration"),
        accelerated_selector=_labels(request, "acceleratedNodeSelector"),
        accelerated_tolerations=_tolerations(request, "acceleratedNodeToleration"),
        workload_selector=_labels(request, "workloadSelector"),
        workload_gate=setting_grammar.read_taint("--workload-gate", gate, needs_effect=True) if gate else None,
        nodes=_count(request.get("nodes", 0)),
        storage_class=_match(request, "storageClass", DNS_NAME, "", "the name of a StorageClass"),
        shared_storage_class=_match(request, "sharedStorageClass", DNS_NAME, "", "the name of a StorageClass"),
        readiness_hooks=bool(request.get("readinessHooks")),
        vendor_charts=bool(request.get("vendorCharts")),
        app_name=_match(request, "appName", DNS_LABEL, "", "up to 63 small letters, digits and -"),
        repo=_repo(request),
        target_revision=_match(request, "targetRevision", REVISION, "", "a branch, tag or version"),
        flux_namespace=_match(request, "fluxNamespace", DNS_LABEL, "flux-system", "a namespace"),
        flux_oci_source=_match(request, "fluxOciSourceName", DNS_LABEL, "clusterbook-bundle", "an object's name"),
        **_deployer_settings(deployer, [each for each in settings if each.target == "deployer"]),
    )


def concerns(option: str, deployer: str) -> bool:
    """Return whether an option means something to a deployer."""
    return deployer in _ONLY_FOR.get(option, DEPLOYERS)


def flag(option: str) -> str:
    """Return the flag of an option: setJson is --set-json."""
    return "--" + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in option)


def refuse_repetition(settings: Sequence[Setting]) -> None:
    """Raise InvalidRequest when one flag sets one path of one component twice."""
    seen = set()
    for each in settings:
        if (each.flag, each.target, each.path) in seen:
            raise InvalidRequest(f"{each.flag} {each.target}:{each.dotted()} is given twice", hint="keep one of them")
        seen.add((each.flag, each.target, each.path))


def _refuse_unseen_files(secrets: Sequence[Setting], deployer: str) -> None:
    """Raise InvalidRequest where a value would be in a file, and what installs the bundle runs in the cluster."""
    for each in secrets:
        if each.value.file and deployer == "flux":
            place = f"{each.target}:{each.dotted()}"
            what = f"--set-secret {place} names a file, but Flux runs in the cluster and cannot read it"
            hint = f"kubectl create secret generic NAME --from-file=KEY={each.value.file}, then name NAME/KEY"
            raise InvalidRequest(what, hint=hint)


def _labels(request: OptionWords, option: str) -> dict[str, str]:
    return setting_grammar.read_labels(flag(option), request.get(option, ()))


def _tolerations(request: OptionWords, option: str) -> tuple[Taint, ...]:
    found: list[Taint] = []
    for word in request.get(option, ()):
        taint = setting_grammar.read_taint(flag(option), word)
        if taint in found:
            raise InvalidRequest(f"{flag(option)} {word} is given twice", hint="keep one of them")
        found.append(taint)
    return tuple(found)


def _count(word: Any) -> int:
    """Return a number of nodes, 0 for any."""
    text = str(word)
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) > 1_000_000:
        raise InvalidRequest(
            f"--nodes {text[:40]} is not a number of nodes", hint="write a whole number, such as --nodes 16"
        )
    return int(text)


def _match(request: OptionWords, option: str, pattern: str, default: str, form: str) -> str:
    """Return the word of an option, `default` when it is not given."""
    word = request.get(option)
    if word is None:
        return default
    if not re.fullmatch(pattern, str(word)):
        shown = re.sub(r"//[^/\s]*@", "//…@", str(word))
        raise InvalidRequest(f"{flag(option)} '{shown}' cannot be used", hint=f"expected {form}")
    return str(word)


def _repo(request: OptionWords) -> str:
    """Return the repository the bundle will lie in."""
    repo = _match(request, "repo", REPO, "", "a Git or OCI URL, such as https://git.example.org/clusters.git")
    if re.match(r"[a-z]+://[^/]*:[^/]*@", repo):
        raise InvalidRequest("--repo holds a password", hint="leave it out: bundles are files that people share")
    return repo.rstrip("/")


def _deployer_settings(deployer: str, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return what `--set deployer:…` sets, by field of Options. Source: reference row B22."""
    known = _DEPLOYER_KEYS.get(deployer, ())
    found: dict[str, Any] = {}
    for each in settings:
        key = each.dotted()
        if key not in known:
            hint = did_you_mean(key, known) if known else "only argocd and argocd-helm have settings"
            raise InvalidRequest(f"--set deployer:{key} is unknown to the deployer {deployer}", hint=hint)
        where = f"--set deployer:{key}=…"
        if key == "cascadeDelete":
            if each.value not in ("true", "false"):
                raise InvalidRequest(f"{where} must be true or false", hint="write true or false")
            found["cascade_delete"] = each.value == "true"
        elif key == "destinationServer":
            if not re.fullmatch(SERVER, each.value):
                raise InvalidRequest(f"{where} is not the URL of an API server", hint="such as https://10.0.0.1:6443")
            found["destination_server"] = each.value
        elif key == "namePrefix":
            if not re.fullmatch(NAME_PREFIX, each.value):
                raise InvalidRequest(f"{where} is not a valid name prefix", hint="up to 30 small letters, digits and -")
            found["name_prefix"] = each.value
        else:
            if not re.fullmatch(DNS_NAME, each.value):
                raise InvalidRequest(f"{where} is not the name of a project", hint="small letters, digits, - and .")
            found["project"] = each.value
    return found


def options_document(request: OptionWords, version: str) -> dict[str, Any]:
    """Return the document that records a request in a bundle; `version` is that of the program."""
    spec = {option: request[option] for option in OPTIONS if request.get(option)}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"clusterbookVersion": version},
        "spec": {"deployer": "helm", **spec},
    }


def read_options_document(document: Any) -> tuple[dict[str, Any], str]:
    """Return the request in such a document, and the version of the program that wrote it.

    Raises:
        InvalidRequest: the document is not one.
    """
    if not isinstance(document, dict) or document.get("kind") != KIND or not isinstance(document.get("spec"), dict):
        raise InvalidRequest("options.yaml holds no options", hint="make the bundle again")
    spec = document["spec"]
    for option, value in spec.items():
        if option not in OPTIONS:
            raise InvalidRequest(f"options.yaml: '{option}' is unknown", hint=did_you_mean(str(option), OPTIONS))
        fits = (
            isinstance(value, list) and all(isinstance(word, str) for word in value)
            if option in REPEATED
            else isinstance(value, bool if option in SWITCHES else str | int)
        )
        if not fits:
            raise InvalidRequest(f"options.yaml: {option} has the wrong type", hint="make the bundle again")
    metadata = document.get("metadata")
    version = metadata.get("clusterbookVersion") if isinstance(metadata, dict) else None
    return dict(spec), str(version or "")


def json_word(target: str, path: Sequence[str], value: Any) -> str:
    """Return a setting as the word that --set-json takes; so the content of a file is recorded, not its name."""
    return f"{target}:{'.'.join(path)}={json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(',', ':'))}"
