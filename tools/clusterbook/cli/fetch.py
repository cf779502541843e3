"""`fetch`: its flags, and those by which any command says from where and whom it believes.

Part of a fetch that has to be quick, so what only some need is imported for them.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.cli.command import Argument, Caller, Command, Request
from clusterbook.cli.flags import (
    ACCESS,
    AT_LEAST,
    CONFIG,
    CRITERIA,
    FILE,
    INHERITED,
    KEY,
    POLICY,
    RELEASE,
    REMOTE,
    UNSIGNED,
    Flag,
)
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import InvalidRequest
from clusterbook.publisher.names import BASE
from clusterbook.records import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterbook.files.context import Context
    from clusterbook.oci.open import Access
    from clusterbook.trust.choose_policy import PolicyChoice

FROM = Flag(
    "from", ("--from",), "oci://HOST/BASE, https://HOST/FOLDER, or the folder or archive of an OCI layout.", "SOURCE"
)
BELIEF = (
    POLICY,
    KEY,
    Flag("tuf_root", ("--tuf-root",), "Trust the keys of this TUF root and its successors.", "FILE"),
    Flag(
        "certificate_identity",
        ("--certificate-identity",),
        "Trust this certificate identity (keyless) instead of a policy.",
        "NAME",
    ),
    Flag(
        "certificate_identity_regexp",
        ("--certificate-identity-regexp",),
        "Certificate identity as a regular expression.",
        "REGEXP",
    ),
    Flag("certificate_oidc_issuer", ("--certificate-oidc-issuer",), "OIDC issuer of the certificate identity.", "URL"),
    Flag(
        "trust_root",
        ("--trust-root",),
        "trusted_root.json of your own Sigstore instance. May be repeated.",
        "FILE",
        repeated=True,
    ),
)
WITHDRAWN = Flag("allow_withdrawn", ("--allow-withdrawn",), "Accept a withdrawn version.")
_COMMON = (
    FROM,
    *BELIEF,
    AT_LEAST,
    UNSIGNED,
    *ACCESS,
    CONFIG,
)
_WHICH = (
    *(flag for flag in CRITERIA if flag.key not in ("nodes", "criteria_strict")),
    INHERITED,
    WITHDRAWN,
    RELEASE._replace(help="What this release served, such as 2026.7.0; default: the last."),
)
_FLAGS: Mapping[str, tuple[Flag, ...]] = {
    "recipe": (
        *_WHICH,
        *_COMMON,
        Flag("format", ("--format", "-t"), "Output format; json is the published document.", values=("yaml", "json")),
        FILE,
    ),
    "bundle": (
        *_WHICH,
        Flag(
            "deployer",
            ("--deployer", "-d"),
            "Deployment tool, such as argocd; default: helm.",
            "NAME",
        ),
        *_COMMON,
        Flag("format", ("--format", "-t"), "Output format.", values=("text", "json")),
        Flag("output", ("--output", "-o"), "Folder, .tar.gz or .tgz file to write; default: bundle.", "DIR|FILE"),
        Flag("force", ("--force",), "Write into a folder that holds other or edited files."),
    ),
    "index": (
        *_COMMON,
        Flag("format", ("--format", "-t"), "Output format.", values=("text", "json")),
        FILE,
    ),
}
"""The flags of each kind of thing that is fetched."""


def read_choice(request: Request) -> PolicyChoice:
    """Return whom a command line says to believe."""
    from clusterbook.trust.choose_policy import PolicyChoice

    return PolicyChoice(
        request.values.get("policy"),
        request.lists.get("key", ()),
        request.values.get("certificate_identity"),
        request.values.get("certificate_identity_regexp"),
        request.values.get("certificate_oidc_issuer"),
        request.lists.get("trust_root", ()),
        unsigned="allow_unsigned" in request.switches,
        at_least=request.text("at_least"),
        tuf_root=request.values.get("tuf_root"),
    )


def read_access(request: Request, context: Context) -> Access:
    """Return how a command line speaks to registries and sites."""
    from clusterbook.oci.open import Access

    plain_http, ca_file = "plain_http" in request.switches, request.text("ca_file")
    return Access(plain_http, ca_file, environment=context.environment, home=context.home)


def fetch(kind: str, request: Request, context: Context) -> Reply:
    """Fetch a recipe, a bundle or an index.

    Raises:
        ClusterbookError: nothing was written, and what was remembered of the source stays.
    """
    from clusterbook.diagnostics.progress import ProgressMeter
    from clusterbook.fetch.fetch import FetchRequest, is_reference
    from clusterbook.fetch.fetch import fetch as fetch_artifact

    if "config" in request.values:
        from clusterbook.cli.config import fetch_request, read_config

        request = request.over(fetch_request(read_config(request.values["config"]), named=request.says("which")))
    values, switches = request.values, request.switches
    named = is_reference(request.text("which"))
    if named and request.says("deployer"):
        what = f"{request.text('which')} names the bundle of one deployer already"
        raise InvalidRequest(what, hint="leave --deployer out")
    if not request.text("from") and not named:
        raise MissingFlag("--from is missing", hint="type --from oci://HOST/BASE, or the folder or archive of a mirror")
    wanted = FetchRequest(
        kind,
        "" if named and "config" in values else request.text("from"),
        request.text("which"),
        {flag.key: values[flag.key] for flag in CRITERIA if flag.key in values},
        allow_inherited="allow_inherited" in switches,
        allow_withdrawn="allow_withdrawn" in switches,
        deployer=values.get("deployer", "helm"),
        form=values.get("format"),
        output=values.get("output"),
        force="force" in switches,
        release=_release(request),
    )
    with ProgressMeter() as progress:
        progress("fetch", request.text("which") or kind)
        return Reply(*fetch_artifact(wanted, read_choice(request), read_access(request, context), context))


def _release(request: Request) -> str:
    """Return the release that --release names. Raises InvalidRequest where WHICH names a version besides."""
    release, name = request.text("release"), request.text("which")
    if release and ("@" in name or name.startswith(REMOTE)):
        raise InvalidRequest(f"{name} and --release {release} were given", hint="give one of them")
    return release


def _recipe(request: Request, caller: Caller) -> Reply:
    return fetch("recipe", request, _context(caller))


def _bundle(request: Request, caller: Caller) -> Reply:
    return fetch("bundle", request, _context(caller))


def _index(request: Request, caller: Caller) -> Reply:
    return fetch("index", request, _context(caller))


def _context(caller: Caller) -> Context:
    from clusterbook.files.context import Context

    return Context.of(caller.environment)


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "fetch recipe",
            _FLAGS["recipe"],
            (Argument("which"),),
            _recipe,
            "Fetch a published recipe and verify its signature.\n\nWHICH is SLUG, SLUG@VERSION, SLUG@RELEASE (such"
            " as @2026.7.0) or SLUG@sha256:DIGEST; without, criteria say which recipe.",
            f"clusterbook fetch recipe h100-eks-training --from oci://{BASE}",
        ),
        Command(
            "fetch bundle",
            _FLAGS["bundle"],
            (Argument("which"),),
            _bundle,
            "Fetch a published bundle and verify its signature.\n\nWHICH is as for a recipe, or without --from a"
            " bundle that somebody pushed: oci://HOST/REPOSITORY:TAG, oci-layout:FOLDER:TAG. The folder carries the"
            " signature along, so that `clusterbook verify` needs no network.",
            "clusterbook fetch bundle h100-eks-training -d argocd --from mirror.tar -o bundle",
        ),
        Command(
            "fetch index",
            _FLAGS["index"],
            (),
            _index,
            "Fetch the index of what is published and verify its signature.",
            "clusterbook fetch index --from https://catalog.example.org/oci",
        ),
    )
}
"""What fetches, by name."""
