"""Values mean what Helm reads: it renders the same from what an author wrote and from our bundle of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import render
from clusterbook.catalog.criteria import Criteria
from clusterbook.catalog.load import survey_catalog
from clusterbook.documents.yaml_reader import parse
from clusterbook.lint.booleans import words_for_booleans
from clusterbook.lint.scope import Scope
from tests.interop.processes import run
from tests.interop.toolchain import PROGRAMS, program
from tests.support.trees import component, resolve, tree
from tests.support.values import CORPUS, WHOLE_CORPUS
from tests.support.whole_recipes import small

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: probe\nversion: 1.0.0\n",
    "values.yaml": "limits: {cpu: 500m, memory: 1Gi}\naffinity: {node: gpu}\nid: 0\n",
    "templates/all.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: all}\ndata:\n  values: {{ .Values | toJson | quote }}\n"
    ),
    "templates/printed.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: printed}\ndata:\n"
        '  account: "arn:aws:iam::{{ .Values.id }}:role/x"\n'
        "spec:\n  fields: {{ toYaml .Values.limits | nindent 4 }}\n"
    ),
}

HELMS = sorted(name for name in PROGRAMS if re.fullmatch(r"helm\d?", name))


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a chart that shows its values."""
    folder = tmp_path_factory.mktemp("charts") / "probe"
    for path, text in CHART.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def rendered(probe: Path, *words: str) -> dict[str, Any]:
    """Return the objects that each Helm there is renders of the chart, by name; they agree."""
    first, *others = (_rendered(helm, probe, *words) for helm in HELMS)
    assert all(other == first for other in others)
    return first


def _rendered(helm: str, probe: Path, *words: str) -> dict[str, Any]:
    return _objects(run(program(helm), "template", "probe", probe, *words))


def _objects(text: str) -> dict[str, Any]:
    """Return the objects in what was rendered, by name."""
    found = {}
    for part in re.split(r"^---.*$", text, flags=re.MULTILINE):
        node = parse(part, "rendered")
        if node is not None:
            found[node.data()["metadata"]["name"]] = node.data()
    return found


def values(probe: Path, *words: str) -> Any:
    """Return the values that Helm sees."""
    return json.loads(rendered(probe, *words)["all"]["data"]["values"])


def bundled(folder: Path, found: Mapping[str, Any], **request: Any) -> list[str]:
    """Return the flags by which the install.sh of a Helm bundle gives Helm these values of a component."""
    files = render(small(operator={"values": dict(found)}), {"deployer": "helm", **request}, "1.0").files
    home = next(path for path in files if path.endswith("-operator/values.yaml"))
    file = folder / "values.yaml"
    file.write_bytes(files[home])
    script = files[home.replace("values.yaml", "install.sh")].decode()
    call = shlex.split(re.search(r"-f values\.yaml -f cluster-values\.yaml(.*) \$apply", script)[1])  # type: ignore[index]
    return ["-f", str(file), *call]


def test_a_corpus_of_values_is_read_alike_from_the_author_and_from_the_bundle(probe: Path, tmp_path: Path) -> None:
    author = tmp_path / "author.yaml"
    author.write_text(CORPUS, encoding="utf-8")
    node = parse(CORPUS, "author.yaml")
    assert node is not None
    assert values(probe, *bundled(tmp_path, node.data())) == values(probe, "-f", str(author))


def by_helmfile(folder: Path, probe: Path, found: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """Return what Helm renders when Helmfile gives it the values of a bundle whose chart is the probe."""
    whole = small(operator={"values": dict(found), "dependencyRefs": [], "preManifestFiles": [], "manifestFiles": []})
    only = [each for each in whole["componentRefs"] if each["name"] == "operator"]
    recipe = {**whole, "componentRefs": only, "deploymentOrder": ["operator"]}
    for path, data in render(recipe, {"deployer": "helmfile"}, "1.0").files.items():
        text = re.sub(r"chart: .*", f"chart: {probe}", data.decode()) if path == "level-0.yaml" else data.decode()
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return _objects(run("helmfile", "--file", folder / "helmfile.yaml", "template", "--skip-deps", env=env))


def test_a_corpus_of_values_is_read_alike_from_the_author_and_through_helmfile(
    probe: Path, tmp_path: Path, tools_env: dict[str, str]
) -> None:
    author = tmp_path / "author.yaml"
    author.write_text(WHOLE_CORPUS, encoding="utf-8")
    node = parse(WHOLE_CORPUS, "author.yaml")
    assert node is not None
    found = by_helmfile(tmp_path / "bundle", probe, node.data(), tools_env)
    assert json.loads(found["all"]["data"]["values"]) == values(probe, "-f", str(author))
    assert found["printed"]["data"]["account"] == "arn:aws:iam::123456789012:role/x"


WORDS = (
    "y Y yes Yes YES n N no No NO on On ON off Off OFF true True TRUE false False FALSE null Null ~ yEs nO oN".split()
)


def test_each_word_that_helm_reads_otherwise_is_a_finding_and_no_other(probe: Path, tmp_path: Path) -> None:
    text = "".join(f"w{number}: {word}\n" for number, word in enumerate(WORDS))
    author = tmp_path / "author.yaml"
    author.write_text(text, encoding="utf-8")
    node = parse(text, "author.yaml")
    assert node is not None
    ours, theirs = values(probe, *bundled(tmp_path, node.data())), values(probe, "-f", str(author))
    apart = {word for number, word in enumerate(WORDS) if ours.get(f"w{number}") != theirs.get(f"w{number}")}
    catalog = survey_catalog(tree({"eks": "criteria: {service: eks}\n", "components/a/values.yaml": text}))
    found = words_for_booleans(Scope(catalog, {}, {}, frozenset()))
    assert {WORDS[finding.place.line - 1] for finding in found} == apart


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        ("limits: {cpu: 1}", "limits: {cpu: null}", {"memory": "1Gi"}),
        ("limits: {cpu: null}", "limits: {cpu: null}", {"memory": "1Gi"}),
        ("other: 1", "limits: {cpu: null}", {"memory": "1Gi"}),
        ("other: 1", "limits: null", None),
        ("limits: {cpu: null}", "limits: {cpu: 2}", {"cpu": 2, "memory": "1Gi"}),
        ("limits: {cpu: null}", "other: 1", {"memory": "1Gi"}),
    ],
)
def test_null_takes_a_charts_default_away_as_in_a_row_of_values_files(
    probe: Path, tmp_path: Path, low: str, high: str, wanted: Any
) -> None:
    layers = {
        "components/a/values.yaml": f"{low}\n",
        "base": "componentRefs:\n- {name: a, valuesFile: components/a/values.yaml}\n",
        "eks": f"criteria: {{service: eks}}\ncomponentRefs:\n- {{name: a, overrides: {{{high}}}}}\n",
    }
    found = component(resolve(layers, Criteria("eks")), "a").settled
    (tmp_path / "low.yaml").write_text(low, encoding="utf-8")
    (tmp_path / "high.yaml").write_text(high, encoding="utf-8")
    ours = values(probe, *bundled(tmp_path, found))
    assert ours == values(probe, "-f", str(tmp_path / "low.yaml"), "-f", str(tmp_path / "high.yaml"))
    assert ours.get("limits") == wanted


@pytest.mark.parametrize("flag", ["setJson", "setFile"])
def test_a_null_that_is_handed_over_takes_a_charts_default_away(probe: Path, tmp_path: Path, flag: str) -> None:
    words = bundled(
        tmp_path, {"limits": {"cpu": "1"}}, **{flag: ["operator:limits.cpu=null", "operator:affinity=null"]}
    )
    found = values(probe, *words)
    assert (found["limits"], found.get("affinity")) == ({"memory": "1Gi"}, None)


@pytest.mark.parametrize("number", [1000000, 123456789012, -2500000, 999999, (1 << 53) - 1])
def test_an_integer_is_printed_and_stays_a_number(probe: Path, tmp_path: Path, number: int) -> None:
    found = rendered(probe, *bundled(tmp_path, {"limits": {"uid": number}}, set=[f"operator:id={number}"]))
    assert found["printed"]["data"]["account"] == f"arn:aws:iam::{number}:role/x"
    assert found["printed"]["spec"]["fields"]["uid"] == number


LARGE = {
    "aws": {"accountId": 123456789012},
    "a.b": {"c,d": 5000000},
    "ids": [{"uid": 1000650000}],
    "q'`\"": {"x": 7000000},
}
"""Values with large integers, one of them in a list."""


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("{}", ""),
        ("aws: {region: us-east-1}", ""),
        ("other: {accountId: 5}", ""),
        ("aws: {accountId: 999999999999}", "aws.accountId"),
        ("aws:\n  # why\n  accountId: 5", "aws.accountId"),
        ("aws: null", "aws.accountId"),
        ("ids: []", "ids[0].uid"),
        ("a.b: {'c,d': null}", "c\\\\,d"),
        ('"q\'`\\"": text', ".x"),
    ],
)
@pytest.mark.parametrize("deployer", ["helm", "helmfile"])
def test_a_file_that_says_a_number_which_is_given_one_by_one_is_refused(
    tmp_path: Path, deployer: str, own: str, said: str
) -> None:
    files = render(small(operator={"values": LARGE}), {"deployer": deployer}, "1.0").files
    name = "003-operator/install.sh" if deployer == "helm" else "release.sh"
    lines = files[name].decode().splitlines()
    start = lines.index(next(filter(re.compile(r"refuse_twice\(").match, lines)))
    end = lines.index("}", lines.index("END", start))
    (call,) = (line for line in lines[end:] if "refuse_twice " in line)
    call = call.strip().removeprefix("operator) ").removesuffix(" ;;").replace("003-operator/", "")
    (tmp_path / "cluster-values.yaml").write_text(f"{own}\n", encoding="utf-8")
    script = tmp_path / "twice.sh"
    script.write_text("set -euo pipefail\n" + "\n".join([*lines[start : end + 1], call]), encoding="utf-8")
    for helm in HELMS:
        (tmp_path / helm).mkdir()
        (tmp_path / helm / "helm").symlink_to(program(helm))
        env = {"PATH": f"{tmp_path / helm}:{os.environ['PATH']}", "HOME": str(tmp_path)}
        done = subprocess.run(["bash", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, bool(done.stderr)) == ((1, True) if said else (0, False)), done.stderr
        assert said in done.stderr


def given_by_flux(folder: Path, found: Mapping[str, Any]) -> list[str]:
    """Return the flags by which Helm is given what Flux gives it: sources in a row, those with a path by --set."""
    files = render(small(operator={"values": dict(found)}), {"deployer": "flux"}, "1.0").files
    documents = {path: parse(files[path].decode(), path) for path in files if path.startswith("operator/")}
    read = {path: node.data() for path, node in documents.items() if node is not None}
    spec, data = read["operator/helmrelease.yaml"]["spec"], read["operator/integers.yaml"]["data"]
    words: list[str] = []
    for number, source in enumerate(spec["valuesFrom"]):
        if "targetPath" in source:
            words += ["--set", f"{source['targetPath']}={data[source['valuesKey']]}"]
            continue
        file = folder / f"source-{number}.yaml"
        file.write_text(data["values.yaml"], encoding="utf-8")
        words += ["-f", str(file)]
    (folder / "values.json").write_text(json.dumps(spec.get("values", {})), encoding="utf-8")
    return [*words, "-f", str(folder / "values.json")]


def test_large_integers_in_lists_arrive_by_flux_as_by_helm(probe: Path, tmp_path: Path) -> None:
    found = {"id": 10**6, "limits": {"rules": [{"uid": 1000650000, "name": "a"}, [1, 123456789012]], "cpu": 1}}
    by_flux = rendered(probe, *given_by_flux(tmp_path, found))
    assert by_flux == rendered(probe, *bundled(tmp_path, found))
    fields = by_flux["printed"]["spec"]["fields"]
    assert (fields["rules"][0], fields["rules"][1][1]) == ({"uid": 1000650000, "name": "a"}, 123456789012)


OWN = """\
id: 123456789012
limits:
  uid: 1000650000
  small: 999999
  text: "123456789012"
  negative: -2500000
  hex: 0x1000000
  under: 1_000_000
  float: 1234567.5
  rules: [{uid: 7000000}, [1, 8000000]]
  a.b: {"c,d=[e]": 5000000, 'q"`''\\': 6000000}
  "": {x: 7000000}
"""
"""A cluster-values.yaml with integers of every spelling and at every kind of path."""
KEPT = {
    "uid": 1000650000,
    "small": 999999,
    "text": "123456789012",
    "negative": -2500000,
    "hex": 0x1000000,
    "under": 1000000,
    "rules": [{"uid": 7000000}, [1, 8000000]],
    "a.b": {"c,d=[e]": 5000000, "q\"`'\\": 6000000},
}
STUB = """\
#!/usr/bin/env bash
case "$1" in
    upgrade) printf '%s\\n' "$@" >"$ARGUMENTS" ;;
    status) exit 1 ;;
    *) exec @HELM@ "$@" ;;
esac
"""


def installed_with(
    folder: Path, helm: str, own: str, **request: Any
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Return what became of an install.sh with this cluster-values.yaml, and the files and numbers it hands to Helm."""
    home = folder / helm
    files = render(small(operator={"values": {}}), {"deployer": "helm", **request}, "1.0").files
    for path, data in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(data)
    (home / "003-operator/cluster-values.yaml").write_text(own, encoding="utf-8")
    for name, text in (("helm", STUB.replace("@HELM@", str(program(helm)))), ("kubectl", "#!/bin/sh\n")):
        (home / "bin" / name).parent.mkdir(exist_ok=True)
        (home / "bin" / name).write_text(text, encoding="utf-8")
        (home / "bin" / name).chmod(0o755)
    arguments = home / "arguments"
    env = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(home), "ARGUMENTS": str(arguments)}
    script = home / "003-operator/install.sh"
    done = subprocess.run(["bash", script], env=env, capture_output=True, text=True, check=False)
    given = arguments.read_text(encoding="utf-8").splitlines() if arguments.exists() else []
    pairs = pairwise(given)
    words = [word for flag, value in pairs if flag in ("-f", "--set") for word in (flag, value)]
    return done, [str(script.parent / word) if word.endswith("values.yaml") else word for word in words]


@pytest.mark.parametrize("request_of", [{}, {"dynamic": ["operator:id", "operator:limits"]}], ids=["any", "dynamic"])
def test_large_integers_of_one_cluster_stay_integers(probe: Path, tmp_path: Path, request_of: dict[str, Any]) -> None:
    for helm in HELMS:
        done, words = installed_with(tmp_path, helm, OWN, **request_of)
        assert (done.returncode, done.stderr) == (0, "")
        found = rendered(probe, *words)
        assert found["printed"]["data"]["account"] == "arn:aws:iam::123456789012:role/x"
        fields = found["printed"]["spec"]["fields"]
        assert {name: fields[name] for name in KEPT} == KEPT
        printed = run(program(helm), "template", "probe", probe, *words)
        assert "e+" not in printed.partition("fields:")[2].replace("1.2345675e+06", "").replace("x: 7e+06", "")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("id: 12345678901234567890", "id: no number of Helm is exact"),
        ("a: {b: [-98765432109876543210]}", "a.b[0]: no number of Helm is exact"),
        ("{}", ""),
        ("id: '12345678901234567890'", ""),
        ("id: 1e300 # 1234567", ""),
        ("x: a1234567890", ""),
    ],
)
def test_what_no_number_of_helm_can_say_is_refused(tmp_path: Path, own: str, said: str) -> None:
    for helm in HELMS:
        done, words = installed_with(tmp_path, helm, own)
        assert (done.returncode, said in done.stderr, bool(done.stderr)) == (1 if said else 0, True, bool(said))
        assert bool(words) != bool(said)


@pytest.mark.parametrize(
    ("own", "said"),
    [(OWN, "limits.uid"), ("{}", ""), ("id: '1234567'", ""), ("id: 999999", ""), ("id: 1000000", "id=1000000")],
)
def test_helmfile_refuses_what_it_cannot_hand_on_as_an_integer(tmp_path: Path, own: str, said: str) -> None:
    for helm in HELMS:
        home = tmp_path / helm
        files = render(small(operator={"values": {}}), {"deployer": "helmfile"}, "1.0").files
        (home / "003-operator").mkdir(parents=True)
        (home / "003-operator/cluster-values.yaml").write_text(own, encoding="utf-8")
        (home / "release.sh").write_bytes(files["release.sh"])
        (home / "bin").mkdir()
        for name, text in (("helm", STUB.replace("@HELM@", str(program(helm)))), ("kubectl", "#!/bin/sh\n")):
            (home / "bin" / name).write_text(text, encoding="utf-8")
            (home / "bin" / name).chmod(0o755)
        env = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}
        words = ["bash", "release.sh", "before", "operator", "gpu", "c", "1", "", "003-operator", "any"]
        done = subprocess.run(words, cwd=home, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stderr, bool(done.stderr)) == (1 if said else 0, True, bool(said))


@pytest.mark.parametrize("vendored", [False, True])
@pytest.mark.parametrize("how", ["-f", "--set"])
def test_argo_cd_is_given_the_large_integers_of_an_installation_as_parameters(
    probe: Path, tmp_path: Path, how: str, vendored: bool
) -> None:
    charts = {name: VendoredChart(f"{name}-1.tgz", b"\x1f\x8b", "helm") for name in ("crds", "operator", "metrics")}
    request = {"deployer": "argocd-helm", "dynamic": ["operator:id", "operator:limits"], "vendorCharts": vendored}
    files = render(small(operator={"values": {"serial": 5000000}}), request, "1.0", charts).files
    for path, data in files.items():
        (tmp_path / "chart" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "chart" / path).write_bytes(data)
    (tmp_path / "own.yaml").write_text(
        "operator:\n  id: 123456789012\n"
        "  limits: {uid: 1000650000, huge: 1.0e+300, small: 5, text: '1234567', a.b: [{c: 2000000}]}\n"
    )
    flat = [
        "id=123456789012",
        "limits.uid=1000650000",
        "limits.small=5",
        r"limits.a\.b[0].c=2000000",
        "limits.serialNumber=9223372036854775807",
    ]
    given = ["-f", str(tmp_path / "own.yaml")] if how == "-f" else []
    given += [word for each in flat for word in ("--set", f"operator.{each}")] if how == "--set" else []
    given += ["--set", "part=applications,repoURL=https://git.example/x.git"]
    lead = "gpu." if vendored else ""
    for helm in HELMS:
        applications = _objects(run(program(helm), "template", "stack", tmp_path / "chart", *given))
        source = applications["operator"]["spec"]["source"]["helm"]
        assert {each["name"]: each["value"] for each in source["parameters"]} == {
            f"{lead}serial": "5000000",
            f"{lead}id": "123456789012",
            f"{lead}limits.uid": "1000650000",
            rf"{lead}limits.a\.b[0].c": "2000000",
        } | ({f"{lead}limits.serialNumber": "9223372036854775807"} if how == "--set" else {})
        if not vendored:
            words = [word for each in source["parameters"] for word in ("--set", f"{each['name']}={each['value']}")]
            (tmp_path / "values.json").write_text(json.dumps(source["valuesObject"]), encoding="utf-8")
            found = _rendered(helm, probe, "-f", str(tmp_path / "values.json"), *words)
            assert found["printed"]["data"]["account"] == "arn:aws:iam::123456789012:role/x"
