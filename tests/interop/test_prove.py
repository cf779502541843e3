"""Proving with charts that helm pulls: from a chart repository and from an OCI registry, by Helm 3 and by Helm 4."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clusterbook.catalog.proofs import path_of
from clusterbook.cli.build_main import run as build
from clusterbook.prove.archives import ChartFile, Charts
from clusterbook.prove.helm import Helm, HelmFailed
from clusterbook.prove.objects import Reader
from clusterbook.prove.subjects import Case, cases
from clusterbook.resolve.matrix import Matrix
from tests.interop.certs import Certificates
from tests.interop.charts import REAL, Chart, ChartServers, Pin, serve
from tests.interop.toolchain import program
from tests.support.helm import pack
from tests.support.trees import texts

TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {size: {{ .Values.size | quote }}}\n"
PINS = (
    Pin("a", "https://charts.example/stable", "a", "1.0.0"),
    Pin("a", "https://charts.example/stable", "a", "2.0.0"),
    Pin("b", "oci://ghcr.example/charts", "b", "v1.0.0"),
)


@pytest.fixture
def servers(tmp_path: Path, certificates: Certificates) -> Iterator[ChartServers]:
    made = []
    for pin in PINS:
        key = "scale" if pin.version == "2.0.0" else "size"
        files = {"values.yaml": f"{key}: 1\n", "templates/m.yaml": TEMPLATE.replace("size", key)}
        made.append(Chart(pin, pack(tmp_path, pin.chart, pin.version, files).read_bytes(), real=False))
    with serve(tmp_path / "servers", certificates, made) as found:
        yield found


@pytest.fixture
def tree(tmp_path: Path, servers: ChartServers, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a source tree whose charts are pulled from the servers, into a cache that is empty."""
    entries = [
        f"- name: {pin.component}\n  helm: {{defaultRepository: '{servers.url(pin.source)}', "
        f"defaultChart: {pin.chart}, "
        f"defaultVersion: '{pin.version}', defaultNamespace: ns}}\n"
        for pin in (PINS[0], PINS[2])
    ]
    files = {
        "registry.yaml": "kind: ComponentRegistry\ncomponents:\n" + "".join(entries),
        "base": "componentRefs: [{name: a, overrides: {size: 2}}, {name: b, overrides: {size: 1, sizee: 2}}]",
    }
    root = tmp_path / "recipes"
    for path, text in texts(files).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for name in ("helm", "helm4"):  # looked up before the cache, which they lie in, is another one
        (tmp_path / name).symlink_to(program(name))
    for name, value in {**servers.env, "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return root


def prove(tree: Path, helm: str, *words: str) -> int:
    return build(["prove", "--recipes", str(tree), "--pull", "--helm", str(tree.parent / helm), *words])


def effects(tree: Path, component: str) -> dict[str, str]:
    values = json.loads((tree / path_of(component)).read_text())["spec"]["values"]
    return {each["path"]: each["effect"] for each in values}


@pytest.mark.parametrize("helm", ["helm", "helm4"])
def test_charts_are_pulled_proven_and_kept(tree: Path, servers: ChartServers, helm: str) -> None:
    assert prove(tree, helm) == 10
    assert effects(tree, "a") == {"/size": "live"}
    assert effects(tree, "b") == {"/size": "default", "/sizee": "dead"}
    servers.asked.clear()
    assert prove(tree, helm) == 10
    assert servers.asked == []


def test_both_versions_of_helm_prove_the_same(tree: Path) -> None:
    prove(tree, "helm")
    first = {path: (tree / path).read_bytes() for path in map(path_of, "ab")}
    for path in first:
        (tree / path).unlink()
    prove(tree, "helm4")
    assert {path: (tree / path).read_bytes() for path in first} == first


@pytest.mark.skipif(not REAL.is_dir(), reason="upstream's charts are not at hand")
def test_both_versions_of_helm_render_our_recipes_the_same(recipes: Matrix) -> None:
    """What Argo CD, whose Helm is 3, and Flux or a shell with Helm 4 deploy is the same."""
    charts = Charts(sorted({archive.parent for archive in REAL.rglob("*.tgz")}))
    three, four = Helm(str(program("helm"))), Helm(str(program("helm4")))
    wanted = [case for case in cases(recipes.catalog, recipes.recipes) if case.subject.chart]
    at_hand = [(case, chart) for case in wanted if (chart := charts.chart(case.subject)) is not None]
    assert len(at_hand) > 40

    def differences(case: Case, chart: ChartFile) -> list[str]:
        release, namespace, values = case.subject.component, case.subject.namespace, case.subject.values
        found = [
            helm.render(chart.path, release, namespace, values, kubernetes=case.kubernetes[-1], crds=True)
            for helm in (three, three, four)
        ]
        assert {bool(each.refusal) for each in found} == {False}, release
        first, again, other = (_without_trailing_blanks(each.documents) for each in found)
        reader = Reader()
        noise = set(reader.changes(first, again))
        return [f"{release}: {each.text()}" for each in reader.changes(first, other) if each not in noise]

    with ThreadPoolExecutor(2) as pool:
        assert [each for found in pool.map(differences, *zip(*at_hand, strict=True)) for each in found] == []


def _without_trailing_blanks(documents: Sequence[str]) -> list[str]:
    """Return documents without blanks at the ends of lines, of which Helm 3 drops the last of a document."""
    return ["".join(f"{line.rstrip()}\n" for line in each.splitlines()) for each in documents]


def test_the_other_version_of_a_preview_is_pulled(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove(tree, "helm", "--against", "a@2.0.0", "-t", "json") == 0
    (preview,) = json.loads(capsys.readouterr().out)
    assert [(each["path"], each["after"]["effect"]) for each in preview["values"]] == [("/size", "dead")]


@pytest.mark.parametrize(("component", "version"), [("a", "9.9.9"), ("b", "v9.9.9")])
def test_a_chart_that_cannot_be_pulled_is_named(
    tree: Path, component: str, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = tree / "registry.yaml"
    pinned = "'1.0.0'" if component == "a" else "'v1.0.0'"
    registry.write_text(registry.read_text().replace(pinned, f"'{version}'"))
    assert prove(tree, "helm") == HelmFailed.exit_status
    assert f"{component} {version}" in capsys.readouterr().err
