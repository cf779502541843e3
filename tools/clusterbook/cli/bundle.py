"""`bundle`: its flags, one for each option of a bundle and those that say where it goes, and what its user hears.

Part of what has to be quick, so what only some need is imported for them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from clusterbook.bundle import readme
from clusterbook.bundle.checksums import CHECKSUMS
from clusterbook.bundle.disk import ARCHIVES, read_bundle
from clusterbook.bundle.make import file_setting, make, write
from clusterbook.bundle.options import DEPLOYERS, OPTIONS, REPEATED, SWITCHES, flag
from clusterbook.bundle.render import OPTIONS as RECORDED
from clusterbook.bundle.render import Bundle
from clusterbook.cli.command import (
    OF_ACCESS,
    OF_CLUSTERS,
    OF_LEDGER,
    OF_TRUST,
    Argument,
    Caller,
    Command,
    FlagRule,
    Request,
)
from clusterbook.cli.flags import ANSWER, CRITERIA, REMOTE, WHERE, Flag
from clusterbook.cli.question import read_question
from clusterbook.cli.reply import Reply
from clusterbook.cli.sign import SIGN, read_signer, sign_notes, verify_flags
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.files.read import is_file, read_text
from clusterbook.lookup.find import whole_recipe
from clusterbook.records import Any, NamedTuple

_TAINT = "KEY[=VALUE][:EFFECT]"
_HELP: Mapping[str, tuple[str, str]] = {
    "deployer": ("Deployment tool; default: helm.", ""),
    "set": ("Set one value; enabled=false leaves a component out.", "COMPONENT:PATH=VALUE"),
    "setJson": ("Set a value to JSON: objects merge, null removes.", "COMPONENT:PATH=JSON"),
    "setFile": ("Set a value to a file's content; .json and .yaml are read.", "COMPONENT:PATH=FILE"),
    "setSecret": ("Take a value from a Secret or a file at install time.", "COMPONENT:PATH=SECRET/KEY|/FILE"),
    "dynamic": ("Leave a value to install time.", "COMPONENT:PATH"),
    "systemNodeSelector": ("Label of the nodes for system pods.", "KEY=VALUE"),
    "systemNodeToleration": ("Taint that system pods tolerate; default: all.", _TAINT),
    "acceleratedNodeSelector": ("Label of the nodes with GPUs.", "KEY=VALUE"),
    "acceleratedNodeToleration": ("Taint that pods on GPU nodes tolerate; default: all.", _TAINT),
    "workloadGate": ("Taint that keeps workloads off a node until it is tuned.", "KEY[=VALUE]:EFFECT"),
    "workloadSelector": ("Label of the workloads that tuning waits for.", "KEY=VALUE"),
    "nodes": ("Number of GPU nodes, for components that are sized by it.", "COUNT"),
    "storageClass": ("StorageClass of the volumes.", "NAME"),
    "sharedStorageClass": ("StorageClass of ReadWriteMany volumes.", "NAME"),
    "appName": ("Name of the parent Application (argocd, argocd-helm).", "NAME"),
    "repo": ("Git or OCI URL that the bundle will be deployed from (argocd, argocd-helm, flux).", "URL"),
    "targetRevision": ("Branch, tag or version at --repo.", "REVISION"),
    "fluxNamespace": ("Namespace of the Flux objects; default: flux-system.", "NAME"),
    "fluxOciSourceName": ("Name of the Flux source of an OCI bundle.", "NAME"),
    "readinessHooks": ("Wait for the readiness check of each component before the next.", ""),
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
_TARGETS = "Folder, .tar.gz file, oci://HOST/REPOSITORY:TAG or oci-layout:FOLDER:TAG"
TARGET = (
    Flag("output", ("--output", "-o"), f"{_TARGETS}; default: bundle.", "TARGET"),
    Flag("force", ("--force",), "Write into a folder that holds other or edited files."),
    Flag("diff", ("--diff",), "Write nothing; compare with this bundle. Exit status 10 when it would change.", "OLD"),
    Flag("format", ("--format", "-t"), "Output format.", values=("text", "json")),
)
_LIKE = Flag("like", ("--like",), "Take the options of this older bundle; flags lie over them.", "OLD")
_DROP = Flag(
    "drop", ("--drop",), "Leave out what --like's bundle says of a value. May be repeated.", "COMPONENT[:PATH]",
    repeated=True,
)  # fmt: skip
_IMAGE_REFS = Flag("image_refs", ("--image-refs",), "Write the pushed references, by digest, to a file.", "FILE")
EVERY = (*ASKED, *FLAGS.values(), _LIKE, _DROP, *TARGET, _IMAGE_REFS, *SIGN)
NEXT = {
    "helm": "{where}/deploy.sh",
    "helmfile": "helmfile -f {where}/helmfile.yaml apply",
    "argocd": "commit {where} to the repository that --repo names, then: kubectl apply -f {where}/app-of-apps.yaml",
    "argocd-helm": "helm install clusterbook-stack {where} --namespace argocd --set repoURL=…",
    "flux": "push {where} to the registry or repository that Flux follows; {where}/README.md says how",
}
"""How a bundle is deployed, by deployer."""


class Differs(ClusterbookError):
    """The bundle would change: `bundle --diff` says how on standard output."""

    code = "CB113"
    exit_status = 10


def bundle(request: Request, caller: Caller) -> Reply:
    """Make the bundle that a command line asks for, or say what would change.

    Raises:
        ClusterbookError: nothing was written.
    """
    wanted = read_bundle_request(request)
    request, where = wanted.request, wanted.request.text("output") or "bundle"
    _refuse_target(where)
    pushed = where.startswith(REMOTE)
    if pushed and "diff" not in request.values:
        from clusterbook.cli.push import push_bundle

        return push_bundle(where, wanted.recipe, wanted.options, wanted.notes, request, caller)
    if request.says(_IMAGE_REFS.key):
        what = f"{_IMAGE_REFS.names[0]} lists pushed references, but {where} is a local path"
        raise InvalidRequest(what, hint="leave it out, or write -o oci://HOST/REPOSITORY:TAG")
    as_json = request.text("format") == "json"
    if "diff" in request.values:
        made = make(wanted.recipe, wanted.options)
        return _bundle_diff(request.values["diff"], made, wanted.notes, as_json=as_json)
    signer = read_signer(request, caller.environment)
    made = make(wanted.recipe, wanted.options)
    deployer = str(wanted.options.get("deployer", "helm"))
    top = f"{readme.slug(wanted.recipe)}-{deployer}"
    files, check = made.files, "--min-trust-level unverified"
    if signer is not None:
        from clusterbook.artifacts.own_bundle import OwnBundle

        files = {**files, **OwnBundle(wanted.recipe, wanted.options, files).attestation(signer)}
        check = verify_flags(request)
    changed = _changed_options(where, wanted.options, made.files[RECORDED])
    write(where, files, top=top, force="force" in request.switches)
    said = summary(made, where, deployer, top=top, check=check)
    return Reply(
        _json(said) if as_json else sentence(said), (*wanted.notes, *changed, *sign_notes(request), *made.notes)
    )


def _changed_options(where: str, options: Mapping[str, Any], text: bytes) -> tuple[str, ...]:
    """Return a note about how options, `text` as they are recorded, differ from those of the bundle in a folder."""
    recorded = f"{where}/{RECORDED}"
    if not is_file(recorded):
        return ()
    try:
        # Mostly they are the same, and reading YAML takes as long as a bundle.
        if read_text(recorded, limit_bytes=len(text), hint="name a bundle") == text.decode():
            return ()
    except ClusterbookError:  # longer than ours, or no text
        pass
    from clusterbook.bundle.carryover import changed_options
    from clusterbook.cli.releases.like import read_recorded

    try:
        found = changed_options(read_recorded(where), options)
    except ClusterbookError:  # what cannot be read is no bundle, which writing it says
        return ()
    return (f"options differ from the bundle that was in {where}: {'; '.join(found)}",) if found else ()


class BundleRequest(NamedTuple):
    """What a command line and its configuration ask for: the whole recipe, the options of its bundle, and notes."""

    request: Request
    recipe: dict[str, Any]
    options: dict[str, Any]
    notes: tuple[str, ...]


def read_bundle_request(request: Request) -> BundleRequest:
    """Return what a command line asks for.

    Raises:
        ClusterbookError: no recipe answers it, or a file that it names cannot be read.
    """
    for each in EVERY:
        if request.values.get(each.key) == "":
            raise InvalidRequest(f"{each.names[0]} is empty", hint="give it a value, or leave it out")
    options: dict[str, Any] = {
        option: list(request.lists[flag.key])
        if option in REPEATED
        else True
        if option in SWITCHES
        else request.values[flag.key]
        for option, flag in FLAGS.items()
        if request.says(flag.key)
    }
    said: tuple[str, ...] = ()
    request = request.without("nodes")  # an option of the bundle here, and no criterion
    if "config" in request.values:
        from clusterbook.cli.config_bundle import over_config

        options, request, said = over_config(options, request)
    if "setFile" in options:
        options["setFile"] = [file_setting(word) for word in options["setFile"]]
    if "like" not in request.values:
        recipe, notes = whole_recipe(read_question(request))
        return BundleRequest(request, recipe, options, (*said, *notes))
    from clusterbook.cli.releases.like import options_like

    recipe, notes = whole_recipe(read_question(request))
    liked = options_like(request.values["like"], options, recipe, request.lists.get("drop", ()))
    return BundleRequest(request, recipe, liked.options, (*said, *notes, *liked.notes))


def _bundle_diff(where: str, made: Bundle, notes: tuple[str, ...], *, as_json: bool) -> Reply:
    """Return what a bundle would change about the one in the folder `where`."""
    from clusterbook.bundle import diff

    old = read_bundle(where)
    if CHECKSUMS not in old:
        raise InvalidRequest(f"{where} has no {CHECKSUMS}, so it is not a bundle", hint="name an older bundle")
    found = diff.changes(old, made.files)
    text = _json(diff.as_data(found)) if as_json else diff.text(found)
    what = f"{len(found)} file{' is' if len(found) == 1 else 's are'} not as in {where}"
    return Reply(text, notes, error=Differs(what, hint=f"write the new bundle with -o {where}") if found else None)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _refuse_target(where: str) -> None:
    """Raise InvalidRequest when a bundle cannot be written to a place of this kind."""
    if where.startswith("-"):
        raise InvalidRequest(f"--output {where} looks like a flag", hint=f"if it is a file name, write ./{where}")
    if where.startswith(("cm://", "http://", "https://")):
        hint = f"name a {_TARGETS[0].lower()}{_TARGETS[1:]}"
        raise InvalidRequest(f"{where}: a bundle is written to a folder, an archive or a registry", hint=hint)
    if where.endswith((".zip", ".tar", ".bz2", ".xz", ".zst", ".gz", ".7z")) and not where.endswith(ARCHIVES):
        raise InvalidRequest(f"{where}: this kind of archive is not supported", hint="name a .tar.gz file, or a folder")


def summary(bundle: Bundle, where: str, deployer: str, *, top: str, check: str) -> dict[str, Any]:
    """Return what was made, as data; an archive unpacks as the folder `top`, `check` are the flags that verify it.

    Source: reference row B38.
    """
    archive = where.endswith(ARCHIVES)
    return {
        "output": where,
        "deployer": deployer,
        "components": len({folder.component for folder in bundle.plan.folders}),
        "releases": len(bundle.plan.folders),
        "files": len(bundle.files),
        "bytes": sum(map(len, bundle.files.values())),
        "notes": list(bundle.notes),
        **({"unpack": f"tar -xzf {shlex.quote(where)}"} if archive else {}),
        "next": NEXT[deployer].format(where=shlex.quote(top if archive else where)),
        "verify": f"clusterbook verify {shlex.quote(where)} {check}",
    }


def sentence(document: Mapping[str, Any]) -> str:
    """Return a summary for reading."""
    return (
        f"{document['output']}: {document['components']} components as {document['releases']} releases"
        f" in {document['files']} files, {document['bytes'] / 1024:.0f} KiB\n"
        + (f"unpack: {document['unpack']}\n" if "unpack" in document else "")
        + f"deploy: {document['next']}\nverify: {document['verify']}\n"
    )


COMMANDS: Mapping[str, Command] = {
    "bundle": Command(
        "bundle",
        EVERY,
        (Argument("slug"),),
        bundle,
        "Render a recipe into a bundle that Helm, Helmfile, Argo CD or Flux deploys.",
        "clusterbook bundle h100-eks-ubuntu-training-kubeflow -d helm -o bundle",
        strict=True,
        rules=(
            FlagRule(("output", "force", *(each.key for each in (_IMAGE_REFS, *SIGN))), excludes=("diff",)),
            OF_TRUST,
            OF_LEDGER,
            OF_CLUSTERS._replace(needs=("recipe", "snapshot")),
            OF_ACCESS._replace(needs=("source", "data", "output")),
            FlagRule(("drop",), needs=("like",)),
        ),
    )
}
"""The one command that makes bundles, by name."""
