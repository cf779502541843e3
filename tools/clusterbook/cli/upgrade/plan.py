"""`upgrade plan`: what becomes of each release from one bundle, recipe or cluster to another, and what needs you.

Has 80 ms for the whole process, so what only a snapshot needs is imported for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clusterbook.cli.command import OF_ACCESS, OF_CLUSTERS, OF_LEDGER, OF_TRUST, Argument, Caller, Command, Request
from clusterbook.cli.flags import FILE, INHERITED, KUBECONFIG, RELEASE, WHERE, Flag
from clusterbook.cli.reply import Reply
from clusterbook.cli.upgrade.subject import UpgradeSubject, known_records, read_subject
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest
from clusterbook.records import TYPE_CHECKING
from clusterbook.upgrade.plan import Knowledge, UpgradePlan, make_plan
from clusterbook.upgrade.planned import known_between
from clusterbook.upgrade.report import FORMS, report
from clusterbook.upgrade.side import SeenRelease, UpgradeSide, installed_side

if TYPE_CHECKING:
    from clusterbook.snapshot.model import Snapshot


class NeedsYou(ClusterbookError):
    """An upgrade needs manual steps; the plan on standard output lists them."""

    code = "CB260"
    exit_status = 10


def plan(request: Request, _caller: Caller) -> Reply:
    """Return the plan of an upgrade.

    Raises:
        ClusterbookError: one of the two cannot be read, or nothing can be upgraded to it.
    """
    old = read_subject(request.values["from"], request)
    options = old.request if old.is_bundle else {}
    new = read_subject(request.values["to"], request, options=options)
    notes = [*old.notes, *new.notes]
    if old.is_bundle and not new.is_bundle and options:
        notes.append(f"{new.label} is planned with the options of {old.label}")
    if new.side is None:
        what = f"{new.label} is a snapshot, which cannot be the target of an upgrade"
        raise InvalidRequest(what, hint="name a bundle or a recipe as TO")
    made = make_plan(_side(old, new.side), new.side, _knowledge(old, new, request))
    found = len(made.needs())
    error = (
        NeedsYou(f"{found} manual step{'s are' if found > 1 else ' is'} needed", hint=_hint(made)) if found else None
    )
    text = report(made, request.text("format", "text"))
    return Reply(text, tuple(dict.fromkeys(notes)), error=error, output=request.text("output"))


def _hint(made: UpgradePlan) -> str:
    return "do what the plan lists first, then deploy" if made.deployer == "helm" else "the plan lists it first"


def _side(old: UpgradeSubject, new: UpgradeSide) -> UpgradeSide:
    """Return the side that is upgraded, a cluster's by what it has of the new one."""
    if old.side is not None:
        return old.side
    assert old.snapshot is not None, "what is no side is a snapshot"
    found = [
        SeenRelease(each.name, each.namespace, each.chart, each.version, each.values)
        for each in old.snapshot.inventory.installed()
    ]
    return installed_side(old.label, found, new)


def _knowledge(old: UpgradeSubject, new: UpgradeSubject, request: Request) -> Knowledge:
    records, wanted = known_records(new, request), new.planned
    if old.snapshot is None:
        return known_between(old.planned, wanted, records)
    known = wanted.proven
    return Knowledge(records, known.kinds, known.kinds, lambda _: {}, known.effects, holds=_judge(old.snapshot))


def _judge(snapshot: Snapshot) -> Callable[[str, str], bool | None]:
    """Return what says whether a constraint holds on the cluster that is upgraded."""
    from clusterbook.snapshot.reading import verdict

    def holds(name: str, value: str) -> bool | None:
        said = verdict(name, value, snapshot)
        return said.passed if said.measured else None

    return holds


COMMANDS: Mapping[str, Command] = {
    "upgrade plan": Command(
        "upgrade plan",
        (
            INHERITED,
            *(flag for flag in WHERE if flag.key != RELEASE.key),
            KUBECONFIG,
            Flag("format", ("--format", "-t"), "Output format.", values=tuple(FORMS)),
            FILE,
        ),
        (Argument("from", "FROM", required=True), Argument("to", "TO", required=True)),
        plan,
        "Plan an upgrade: what happens to each release, and which manual steps it needs.\n\n"
        "FROM is the folder or archive of the bundle that is deployed, a recipe (a file, SLUG or SLUG@VERSION), or a"
        " snapshot of the cluster; TO is a bundle or a recipe, which is planned with the options of FROM if that is a"
        " bundle. Releases are listed in the order in which they are installed. What charts and upgrade records do not"
        " show is marked as not proven. Exit status 10 when manual steps are needed.",
        "clusterbook upgrade plan bundle h100-eks-training\n"
        "  clusterbook upgrade plan h100-eks-training@2026.3.0 h100-eks-training -t markdown",
        rules=(OF_TRUST, OF_ACCESS, OF_LEDGER, OF_CLUSTERS._replace(needs=("from",))),
    )
}
"""What plans, by name."""
