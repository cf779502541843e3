"""The commands about air gaps: `mirror list`, `mirror save` and `mirror load`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusterbook.artifacts.open import OpenIndex
from clusterbook.artifacts.visit import visit
from clusterbook.bundle.make import make
from clusterbook.cli.bundle import ASKED, FLAGS, read_bundle_request
from clusterbook.cli.command import OF_ACCESS, OF_CLUSTERS, OF_LEDGER, OF_TRUST, Argument, Caller, Command, Request
from clusterbook.cli.fetch import BELIEF, FROM, WITHDRAWN, read_access, read_choice
from clusterbook.cli.flags import ACCESS, AT_LEAST, FILE, UNSIGNED, Flag
from clusterbook.cli.reply import MissingFlag, Reply
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.diagnostics.progress import ProgressMeter
from clusterbook.documents.yaml_writer import dump
from clusterbook.files.context import Context
from clusterbook.files.write import write_text
from clusterbook.mirror.archive import CHART, IMAGE, hosts_files, relocation
from clusterbook.mirror.formats import FORMATS, gap_as_data
from clusterbook.mirror.images import bundle_list, chart_images
from clusterbook.mirror.list import ImageGap, MirrorList, check_against_charts, join_lists
from clusterbook.oci.open import open_base
from clusterbook.oci.reference import SCHEME, is_loopback, parse_reference
from clusterbook.trust.choose_policy import PolicyChoice, trust_options

if TYPE_CHECKING:
    from clusterbook.mirror.load import LoadResult
    from clusterbook.mirror.save import SaveResult

_SHOWN_GAPS = 5


class IncompleteList(ClusterbookError):
    """The images of some components are not known; the list on standard output names the components.

    `--check` renders the charts with helm. What an operator installs from its own catalog has to be
    mirrored with that catalog.
    """

    code = "CB200"
    exit_status = 10


class IncompleteArchive(ClusterbookError):
    """An archive is incomplete: something could not be fetched, or images are not known; it records what is missing.

    Run the same command again once the registries can be reached: what was fetched is not fetched again as long as
    the archive was not written; or carry what is missing another way.
    """

    code = "CB203"
    exit_status = 10


def list_bundles(request: Request, _caller: Caller) -> Reply:
    """List what the bundles of one or several recipes pull.

    Raises:
        ClusterbookError: no recipe answers, or helm cannot render a chart.
    """
    slugs = request.lists.get("slugs") or ("",)
    made = [list_of(request, slug) for slug in slugs]
    whole = join_lists(each for each, _ in made)
    notes = tuple(dict.fromkeys(note for _, said in made for note in said))
    return Reply(
        FORMATS[request.text("format", "yaml")](whole),
        notes,
        error=incomplete(whole.gaps),
        output=request.text("output"),
    )


def list_of(request: Request, slug: str) -> tuple[MirrorList, tuple[str, ...]]:
    """Return what one bundle pulls, and notes."""
    asked = read_bundle_request(request.without("output").over(Request({"slug": slug} if slug else {})))
    bundle = make(asked.recipe, asked.options)
    known = bundle_list(asked.recipe, bundle, asked.options)
    if "check" not in request.switches:
        return known, asked.notes
    whole, lacking = check_against_charts(known, chart_images(bundle.plan.folders))
    said = (f"the catalog's list of {each.component} lacks {each.image}; it was added" for each in lacking)
    return whole, (*asked.notes, *said)


def incomplete(gaps: tuple[ImageGap, ...]) -> IncompleteList | None:
    """Return the error that a list with gaps ends in."""
    if not gaps:
        return None
    named = "; ".join(f"{gap.component}: {gap.sentence}" for gap in gaps[:_SHOWN_GAPS])
    more = f"; and {len(gaps) - _SHOWN_GAPS} more" if len(gaps) > _SHOWN_GAPS else ""
    hint = (
        "--check renders the charts with helm to find their images"
        if any(gap.helm_knows for gap in gaps)
        else "mirror them by hand"
    )
    return IncompleteList(f"the list is not complete: {named}{more}", hint=hint)


def save_recipes(request: Request, caller: Caller) -> Reply:
    """Save recipes and what they pull; without a name, those of the whole release.

    Raises:
        ClusterbookError: there is no archive then.
    """
    from clusterbook.mirror.save import SaveRequest, save  # it reads charts, which `--help` of others does not

    where, target = request.text("from"), request.text("output")
    if not where:
        raise MissingFlag(
            "--from is missing", hint="type --from oci://HOST/BASE, or where else the release is published"
        )
    if not target:
        raise MissingFlag("--output is missing", hint="type -o mirror.tar")
    if not target.endswith(".tar"):
        raise InvalidRequest(f"{target} is not a .tar file", hint="type -o mirror.tar")
    context = Context.of(caller.environment)
    access, choice = read_access(request, context), read_choice(request)
    trust = trust_options(choice, context.environment, context.home)
    wanted = SaveRequest(
        request.lists.get("slugs", ()),
        request.lists.get("deployer", ()),
        charts="no_charts" not in request.switches,
        images="no_images" not in request.switches,
        withdrawn="allow_withdrawn" in request.switches,
    )

    def carry(index: OpenIndex) -> SaveResult:
        with ProgressMeter() as progress:
            return save(index, wanted, Path(target), access, progress)

    done, warning = visit(where, carry, access=access, trust=trust, context=context)
    text = _as_json(_as_data(done, target)) if _json(request) else _sentence(done, target, choice)
    return Reply(text, (warning,) if warning else (), error=_gap_lines(done, target))


def _sentence(done: SaveResult, target: str, choice: PolicyChoice) -> str:
    found = done.contents
    count = {kind: sum(each.kind == kind for each in found.held) for kind in (CHART, IMAGE)}
    lines = [
        f"{target}: release {found.release}, {_count(len(found.recipes), 'recipe')} with bundles,"
        f" {_count(count[CHART], 'chart')}, {_count(count[IMAGE], 'image')}, {done.size_bytes / 1e6:.1f} MB"
    ]
    for why in dict.fromkeys(each.why for each in found.missing):
        named = [f"{each.kind} {each.name}" for each in found.missing if each.why == why]
        lines.append(f"missing: {named[0]}: {why}" if len(named) == 1 else f"missing, {why}:")
        lines += [f"  {name}" for name in named if len(named) > 1]
    lines += [f"unknown: images of {gap.component}: {gap.sentence}" for gap in done.lists.gaps]
    return "\n".join([*lines, f"load: clusterbook mirror load {target} --to oci://HOST/BASE{choice.flags}"]) + "\n"


def _as_data(done: SaveResult, target: str) -> Mapping[str, Any]:
    found = done.contents
    return {
        "archive": target,
        "bytes": done.size_bytes,
        "release": found.release,
        "recipes": list(found.recipes),
        "held": [each._asdict() for each in found.held],
        "missing": [each._asdict() for each in found.missing],
        "unknown": list(map(gap_as_data, done.lists.gaps)),
    }


def _gap_lines(done: SaveResult, target: str) -> IncompleteArchive | None:
    lacking = len(done.contents.missing)
    if not lacking and not done.lists.gaps:
        return None
    gaps = len(done.lists.gaps)
    known = f"; the images of {gaps} component{'s' if gaps > 1 else ''} are not known" if gaps else ""
    return IncompleteArchive(
        f"{target} is not complete: {lacking} missing{known}",
        hint="run it again once they can be fetched, or carry them yourself",
    )


def load_archive(request: Request, caller: Caller) -> Reply:
    """Load an archive, and write how things are found there.

    Raises:
        ClusterbookError: the archive is not to be believed, or not all of it is in the target; run it again to go on.
    """
    from clusterbook.mirror.load import load

    archive, target = request.values["archive"], request.text("to")
    if not target:
        raise MissingFlag("--to is missing", hint="type --to oci://HOST/BASE")
    host, name = _address(target)
    for flag in ("relocation", "containerd"):
        if flag in request.values and not host:
            raise InvalidRequest(
                f"--{flag} applies to a registry, and {target} is not one", hint="load to oci://HOST/BASE"
            )
    context = Context.of(caller.environment)
    access, choice = read_access(request, context), read_choice(request)
    trust = trust_options(choice, context.environment, context.home)

    def bring(index: OpenIndex) -> LoadResult:
        with ProgressMeter() as progress:
            return load(index, open_base(target, access, create=True), progress)

    done, warning = visit(archive, bring, access=access, trust=trust, context=context)
    if "relocation" in request.values:
        write_text(request.values["relocation"], dump(relocation(done.contents, f"{host}/{name}".rstrip("/"))))
    if "containerd" in request.values:
        files = hosts_files(
            done.contents, host, name, plain_http=access.plain_http or (is_loopback(host) and not access.ca_file)
        )
        for path, text in files.items():
            file = Path(request.values["containerd"]) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            write_text(str(file), text)
    lacking = (*done.contents.missing, *done.contents.unknown)
    notes = (*filter(None, (warning,)), *(f"{archive} has {each}" for each in done.without))
    if lacking:
        more = f" and {len(lacking) - 1} more are missing" if len(lacking) > 1 else " is missing"
        notes = (
            *notes,
            f"{archive} is not complete: {lacking[0].kind} {lacking[0].name}{more}",
        )
    return Reply(_load_report(done, target, choice, as_json=_json(request)), notes)


def _load_report(done: LoadResult, target: str, choice: PolicyChoice, *, as_json: bool) -> str:
    if as_json:
        said = {
            "target": target,
            "artifacts": done.artifacts,
            "movedBlobs": done.moved_blobs,
            "movedBytes": done.moved_bytes,
            "newest": done.latest,
            "missing": [each._asdict() for each in done.contents.missing],
            "unknown": [each._asdict() for each in done.contents.unknown],
        }
        return _as_json(said)
    moved = f"{done.moved_blobs} blobs ({done.moved_bytes / 1e6:.1f} MB) moved"
    older = "" if done.latest else "; a newer index is there already and is kept"
    return (
        f"{target}: {done.artifacts} artifacts, {moved}{older}\n"
        f"fetch: clusterbook fetch bundle SLUG --from {target}{choice.flags}\n"
        f"{f'deploy: CHART_MIRROR={target} bundle/deploy.sh{chr(10)}' if target.startswith(SCHEME) else ''}"
    )


def _address(target: str) -> tuple[str, str]:
    if not target.startswith(SCHEME):
        return "", ""
    reference = parse_reference(target)
    return reference.host, reference.repository


def _as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _json(request: Request) -> bool:
    return request.text("format") == "json"


_WITHOUT = ("deployer", "vendorCharts", "appName", "repo", "targetRevision", "fluxNamespace", "fluxOciSourceName")
"""Options of a bundle that do not change what it pulls."""
_LIST = (
    Flag("check", ("--check",), "Render the charts with helm, and add images that the catalog's lists lack."),
    Flag("format", ("--format", "-t", "-f"), "Output format; default: yaml.", values=tuple(FORMATS)),
    FILE,
)
_FORM = Flag("format", ("--format", "-t"), "Output format.", values=("text", "json"))
_COMMON = (*BELIEF, AT_LEAST, UNSIGNED, *ACCESS, _FORM)
_SAVE = (
    FROM,
    Flag("output", ("--output", "-o"), "Archive to write, a .tar file.", "FILE"),
    Flag(
        "deployer",
        ("--deployer", "-d"),
        "Include bundles of this deployer only. May be repeated.",
        "NAME",
        repeated=True,
    ),
    Flag("no_charts", ("--no-charts",), "Leave out the charts."),
    Flag("no_images", ("--no-images",), "Leave out the container images."),
    WITHDRAWN,
    *_COMMON,
)
_LOAD = (
    Flag("to", ("--to",), "oci://HOST/BASE or oci-layout:FOLDER.", "TARGET"),
    Flag("relocation", ("--relocation",), "Write the new location of each chart and image to this file.", "FILE"),
    Flag(
        "containerd",
        ("--containerd",),
        "Write the registry configuration for /etc/containerd/certs.d of nodes to this folder.",
        "DIR",
    ),
    *_COMMON,
)
COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "mirror list",
            (*ASKED, *(flag for name, flag in FLAGS.items() if name not in _WITHOUT), *_LIST),
            (Argument("slugs", "[SLUG]...", many=True),),
            list_bundles,
            "List the charts and images that bundles pull.",
            "clusterbook mirror list h100-eks-ubuntu-training-kubeflow --format images",
            rules=(OF_TRUST, OF_ACCESS, OF_LEDGER, OF_CLUSTERS._replace(needs=("recipe", "snapshot"))),
        ),
        Command(
            "mirror save",
            _SAVE,
            (Argument("slugs", "[SLUG[@VERSION|@RELEASE]]...", many=True),),
            save_recipes,
            "Save published recipes into one archive, with bundles, signatures, SBOMs, charts and images; without a"
            " SLUG, the whole release.\n\nWhat cannot be fetched is listed, and the exit status is 10. Charts of chart"
            " repositories are pulled with helm, all others and images without.",
            "clusterbook mirror save h100-eks-training --from oci://ghcr.io/acme/book -o mirror.tar",
        ),
        Command(
            "mirror load",
            _LOAD,
            (Argument("archive", "FILE.tar", required=True),),
            load_archive,
            "Load an archive into a registry, once its signature is verified. No other host is contacted.",
            "clusterbook mirror load mirror.tar --to oci://registry.corp/clusterbook",
        ),
    )
}
"""What carries recipes, by name."""
