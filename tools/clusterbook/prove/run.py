"""A run: every subject whose proof is missing or stale, rendered and judged, several at once.

What is proven is written after each subject, so a run that is stopped loses no more than the subjects it was at; a file
appears whole or not at all, and a subject is in it with everything that was found out, or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from clusterbook.catalog.load import Catalog
from clusterbook.catalog.proofs import Archive, Proof, ProofSubject, decode, encode, path_of
from clusterbook.diagnostics.errors import InvalidRequest, NotFound, did_you_mean
from clusterbook.files.write import write_bytes
from clusterbook.prove import manifests
from clusterbook.prove.archives import ChartFile, Charts
from clusterbook.prove.effects import ChartEffects, judge, judge_manifests
from clusterbook.prove.facts import gather
from clusterbook.prove.helm import Helm
from clusterbook.prove.objects import Reader, Rendering
from clusterbook.prove.preview import Preview, compare
from clusterbook.prove.subjects import Case
from clusterbook.resolve.floor import KUBERNETES
from clusterbook.resolve.proof import Proofs

CaseProgress = Callable[[str, str, int, int], object]


@dataclass(frozen=True, slots=True)
class ProofStatus:
    """How the proofs of a catalog stand: those that hold, the cases to prove, and those whose chart is not at hand."""

    fresh: Mapping[str, Proof]
    stale: Sequence[Case]
    missing: Sequence[Case]


@dataclass(frozen=True, slots=True)
class ProofTools:
    """What there is to prove with: charts and helm, or neither."""

    charts: Charts | None = None
    helm: Helm | None = None
    pull: bool = False
    workers: int = os.cpu_count() or 1

    def chart(self, subject: ProofSubject) -> ChartFile | None:
        """Return the chart that a subject pins, pulled where that is wanted; None when it is not to be had.

        Raises:
            WrongChart: an archive holds another chart than its name says.
            HelmFailed: helm cannot pull it.
        """
        if self.charts is None or not subject.chart:
            return None
        chart = self.charts.chart(subject)
        if chart is None and self.pull and self.helm is not None:
            self.charts.add(pull_chart(self.helm, subject), subject)
            chart = self.charts.chart(subject)
        return chart


def pull_chart(helm: Helm, subject: ProofSubject) -> Path:
    """Return the archive of a subject's chart in the user's cache; it is pulled when it is not there.

    Each repository has a folder of its own, since two may have a chart of the same name and version.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    root = (Path(home) if home else Path.home() / ".cache") / "clusterbook" / "charts"
    folder = root / sha256(subject.source.encode()).hexdigest()[:16]
    path = folder / f"{subject.chart}-{subject.version}.tgz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        helm.pull(subject.source, subject.chart, subject.version, folder).replace(path)
    return path


def proof_status(catalog: Catalog, cases: Iterable[Case], tools: ProofTools) -> ProofStatus:
    """Return how the proofs of the `cases` cases stand; without a chart, one holds while its subject is the same."""
    known = Proofs(catalog)
    fresh: dict[str, Proof] = {}
    stale: list[Case] = []
    missing: list[Case] = []
    for case in cases:
        proof = known.file(case.subject.component).get(case.subject.key())
        chart = tools.chart(case.subject)
        archive = Archive() if not case.subject.chart else chart.archive if chart else None
        if proof and proof.is_about(archive or proof.archive, case.kubernetes):
            fresh[proof.key] = proof
        elif archive is None or tools.helm is None:
            missing.append(case)
        else:
            stale.append(case)
    return ProofStatus(fresh, stale, missing)


def as_sentence(status: ProofStatus) -> str:
    """Return how proofs stand in one line."""
    return f"{len(status.fresh)} proofs hold, {len(status.stale) + len(status.missing)} are missing or stale\n"


def proof_notes(status: ProofStatus) -> list[str]:
    """Return what a reader of proofs should know: which components are unproven."""
    names = sorted({f"{case.subject.component} {case.subject.version}".strip() for case in status.missing})
    return [f"unproven, because the chart is missing: {', '.join(names)}"] if names else []


def prove(
    tools: ProofTools, recipes: Path, cases: Sequence[Case], status: ProofStatus, progress: CaseProgress
) -> dict[str, Proof]:
    """Prove what is stale and write it beside its component; return all proofs that hold, by key.

    Args:
        tools: what there is to prove with.
        recipes: the source tree.
        cases: all cases of the tree; proofs of what is none of them are left out of the files that are written.
        status: how the proofs stand.
        progress: hears of each case.

    Raises:
        HelmFailed: helm was stopped. What was proven until then is written.
        Unwritable: a file cannot be written.
    """
    proofs = dict(status.fresh)
    if not status.stale or tools.helm is None or tools.charts is None:
        return proofs
    kept = {**_read_proofs(recipes, cases, {case.subject.component for case in status.stale}), **proofs}
    components = {case.subject.key(): case.subject.component for case in cases}
    # Those for most versions of Kubernetes first, so that none of them is left to run alone.
    order = sorted(status.stale, key=lambda case: (-len(case.kubernetes), case.subject.component, case.subject.key()))
    with ThreadPoolExecutor(tools.workers) as pool:
        futures: dict[Future[Proof], Case] = {}
        for case in order:
            futures[pool.submit(prove_case, tools.helm, tools.chart(case.subject), case)] = case
        try:
            for number, future in enumerate(as_completed(futures)):
                case = futures[future]
                progress("prove", case.subject.component, number, len(order))
                proofs[case.subject.key()] = kept[case.subject.key()] = future.result()
                _write(recipes, case.subject.component, components, kept)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return proofs


def _read_proofs(recipes: Path, cases: Iterable[Case], names: set[str]) -> dict[str, Proof]:
    """Return the proofs that lie beside components already and are about one of `cases` case."""
    wanted = {case.subject.key() for case in cases}
    found: dict[str, Proof] = {}
    for name in names:
        path = recipes / path_of(name)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found |= {each.key: each for each in decode(text, str(path)) if each.key in wanted} if text else {}
    return found


def _write(recipes: Path, component: str, components: Mapping[str, str], proofs: Mapping[str, Proof]) -> None:
    """Write the proofs of a component that a recipe still needs."""
    mine = [proof for key, proof in proofs.items() if components.get(key) == component]
    path = recipes / path_of(component)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, encode(component, mine).encode())


def preview_all(
    catalog: Catalog, cases: Iterable[Case], tools: ProofTools, against: str, progress: CaseProgress
) -> list[Preview]:
    """Return what another version of a chart brings to every case that has it.

    Args:
        catalog: whose proofs are taken where they hold.
        cases: the cases to look at.
        tools: what there is to prove with.
        against: `component@version`, whose archive is among the charts at hand, or can be pulled.
        progress: hears of each case.

    Raises:
        InvalidRequest: there is nothing to render with, or `against` is not written so.
        NotFound: no case has this component, or its other version is not at hand.
    """
    if tools.helm is None or tools.charts is None:
        raise InvalidRequest("--against needs charts", hint="name a folder of them with --charts, or add --pull")
    name, at, version = against.partition("@")
    if not (name and at and version):
        raise InvalidRequest(f"--against {against} is not COMPONENT@VERSION", hint="write --against kueue@0.19.2, say")
    mine = [case for case in cases if name in (case.subject.component, case.subject.chart)]
    if not mine:
        known = {case.subject.component for case in cases if case.subject.chart}
        raise NotFound(f"none of the chosen recipes has {name}", hint=did_you_mean(name, known))
    if not mine[0].subject.chart:
        raise InvalidRequest(
            f"{name} has no chart: its manifests are part of the catalog", hint="compare two releases of it"
        )
    other = _other_version(tools, mine[0].subject, version)
    now = proof_status(catalog, mine, tools)
    found: list[Preview] = []
    for number, case in enumerate(mine):
        progress("preview", case.subject.component, number, len(mine))
        before = now.fresh.get(case.subject.key())
        if before is None:
            chart = tools.chart(case.subject)
            if chart is None:
                what = f"the chart of {name} {case.subject.version} is missing, and there is no proof of it"
                raise NotFound(what, hint="name its folder with --charts, or add --pull")
            before = prove_case(tools.helm, chart, case)
        found.append(compare(case, before, prove_case(tools.helm, other, case)))
    return found


def _other_version(tools: ProofTools, subject: ProofSubject, version: str) -> ChartFile:
    """Return the archive of another version of a chart, which may also have another name by now."""
    assert tools.charts is not None
    chart = tools.charts.version(subject, version)
    if chart is None and tools.pull and tools.helm is not None:
        other = subject._replace(version=version)
        tools.charts.add(pull_chart(tools.helm, other), other)
        chart = tools.charts.version(subject, version)
    if chart is None:
        raise NotFound(
            f"the chart of {subject.component} {version} is missing",
            hint=f"put {subject.component}-{version}.tgz into a folder of --charts, or add --pull",
        )
    return chart


def prove_case(helm: Helm, chart: ChartFile | None, case: Case) -> Proof:
    """Return the proof of one case for every Kubernetes that its recipes start at; `chart` None: it has none."""
    subject = case.subject

    def own(values: Mapping[str, Any]) -> Rendering:
        return manifests.render(subject, values)

    if chart is None:
        judged = judge_manifests(subject.values, own)
        return Proof(subject.key(), Archive(), case.kubernetes, judged.effects, {}, judged.base.refusal)
    return _prove_chart(helm, chart, case, own)


@dataclass(frozen=True, slots=True)
class _Render:
    """One chart for one Kubernetes, rendered with whatever values."""

    helm: Helm
    archive: Path
    subject: ProofSubject
    kubernetes: str

    def __call__(self, values: Mapping[str, Any], *, crds: bool = False) -> Rendering:
        release, namespace = self.subject.component, self.subject.namespace
        return self.helm.render(self.archive, release, namespace, values, kubernetes=self.kubernetes, crds=crds)


def _prove_chart(helm: Helm, chart: ChartFile, case: Case, own: Callable[[Mapping[str, Any]], Rendering]) -> Proof:
    """Return the proof of a case with a chart.

    Values are judged once for each way in which versions of Kubernetes make the chart render, by the oldest of them.

    Raises:
        HelmFailed: helm was stopped, or could not do its work.
        WrongChart: the archive was another one by the end, so nobody knows what was rendered.
    """
    subject = case.subject
    bases: dict[tuple[str, ...], str] = {}
    refusals: dict[str, str] = {}
    for version in case.kubernetes:
        base = _Render(helm, chart.path, subject, version)(subject.values)
        if base.refusal:
            refusals[version] = base.refusal
        else:
            bases.setdefault(base.documents, version)
    found: list[ChartEffects] = []
    if not bases and not _Render(helm, chart.path, subject, KUBERNETES)(subject.values).refusal:
        bases[()] = (
            KUBERNETES  # the recipes allow what the chart refuses: that is a fact, and its values do what they do
        )
    for version in bases.values() or case.kubernetes[:1]:
        found.append(judge(subject.values, chart.keys, _Render(helm, chart.path, subject, version), own))
    oldest = next(iter(bases.values()), case.kubernetes[0])
    whole = _Render(helm, chart.path, subject, oldest)(subject.values, crds=True)
    chart.refuse_other_bytes()
    refusal = found[0].base.refusal
    objects = Reader().whole(whole.documents)
    facts = gather(chart.keys, subject.values, objects, unstable=found[0].unstable, refusals=refusals)
    return Proof(subject.key(), chart.archive, case.kubernetes, merge_effects(found), facts, refusal)


def merge_effects(renders: Sequence[ChartEffects]) -> dict[str, Any]:
    """Return the effects of renders for several versions of Kubernetes: what is live in one of them is live."""
    rank = {"live": 0, "refused": 1, "own": 2, "dead": 3, "default": 4}
    effects = dict(renders[0].effects)
    for judged in renders[1:]:
        for path, effect in judged.effects.items():
            if path not in effects or rank[effect.effect] < rank[effects[path].effect]:
                effects[path] = effect
    return effects
