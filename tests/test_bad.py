"""Mistakes that contributors make, and good examples beside them: one file or folder a case, no Python needed.

tests/good/minimal is a small tree without findings. A case lays its files over it and says in its first comments what
`check` then finds, line and column counted in the file as it stands:

    # file: overlays/eks.yaml      where a file goes, unless its kind and name say it already; not needed in a folder
    # expect: 7:5 CB012 'enbled'   place, code, and words that the message has; a path may stand before the place,
                                   which is absent for a whole file: `# expect: overlays/base.yaml CB014`
    # remove: overlays/base.yaml   a file that the case takes away
    # chart: operator: {driver: {enabled: true}}   the values that a component's upstream chart has
    # about: CB041                 in tests/good: the rule that this is the good example of

Nothing else may be found. To add a case, add a file; `pytest tests/test_bad.py -k its-name` shows what is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusterbook.catalog.chart import ChartKeys
from clusterbook.catalog.load import survey_catalog
from clusterbook.catalog.read import tree_from_texts
from clusterbook.diagnostics.findings import Finding
from clusterbook.documents.yaml_reader import parse
from clusterbook.lint.rules import check
from clusterbook.resolve import matrix
from clusterbook.site.codes import CODES

HERE = Path(__file__).parent
MINIMAL = HERE / "good" / "minimal"
HEADER = re.compile(r"# (file|expect|remove|chart|about): (.+)")
EXPECT = re.compile(
    r"(?:(?P<path>[\w./-]+?)(?: |:(?=\d)))?(?:(?P<line>\d+):(?P<column>\d+) )?(?P<code>CB\d{3})(?: (?P<words>.+))?\Z"
)


@dataclass
class Case:
    """One case: texts by path, and what is expected as `path:line:column code` with the words of each."""

    files: dict[str, str] = field(default_factory=dict)
    expected: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    charts: dict[str, ChartKeys] = field(default_factory=dict)
    about: set[str] = field(default_factory=set)


def headers(text: str) -> Iterator[tuple[str, str]]:
    """Yield (word, value) of each header in the comments that a file begins with."""
    for line in text.split("\n"):
        if not line.startswith("#"):
            return
        match = HEADER.match(line.rstrip())
        if match:
            yield match[1], match[2]


def place_of(text: str) -> str:
    """Return where a document goes by its kind and name; an overlay when it does not say."""
    kind, name = re.search(r"^kind: (\w+)", text, re.MULTILINE), re.search(r"^  name: (\S+)", text, re.MULTILINE)
    folder = "mixins" if kind and kind[1] == "RecipeMixin" else "overlays"
    return f"{folder}/{name[1] if name else 'eks'}.yaml"


def read_case(path: Path) -> Case:
    """Return the case in a file or folder."""
    case = Case()
    for file in [path] if path.is_file() else sorted(path.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        words = list(headers(text))
        target = dict(words).get("file") or (file.relative_to(path).as_posix() if path.is_dir() else place_of(text))
        case.files[target] = text
        for word, value in words:
            if word == "expect":
                match = EXPECT.match(value)
                assert match, f"{file.name}: '# expect: {value}' is not '[path:][line:column] CODE [words]'"
                place = f"{match['path'] or target}:{match['line'] or 0}:{match['column'] or 0}"
                case.expected[f"{place} {match['code']}"] = match["words"] or ""
            elif word == "remove":
                case.removed.add(value)
            elif word == "chart":
                node = parse(value, "chart")
                for name, values in (node.data() if node else {}).items():
                    case.charts[name] = ChartKeys(name, "1.10.0", values)
            elif word == "about":
                case.about.add(value)
    return case


def find(case: Case) -> list[Finding]:
    """Return what `check` finds in the small good tree with the case's files over it."""
    files = {file.relative_to(MINIMAL).as_posix(): file.read_text(encoding="utf-8") for file in MINIMAL.rglob("*.yaml")}
    texts = {path: text for path, text in {**files, **case.files}.items() if path not in case.removed}
    found = survey_catalog(tree_from_texts(texts, label="tree"))
    return check(found, matrix.build(found), case.charts)


def key(finding: Finding) -> str:
    """Return a finding as a case expects it."""
    place = finding.place
    return f"{place.file.removeprefix('tree/')}:{place.line}:{place.column} {finding.code}"


BAD = sorted((HERE / "bad").iterdir())
GOOD = sorted(path for path in (HERE / "good").iterdir() if path != MINIMAL)


@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_a_mistake_is_found_where_it_stands(path: Path) -> None:
    case = read_case(path)
    found = {key(finding): finding for finding in find(case)}
    assert case.expected, "a bad example expects something"
    assert sorted(found) == sorted(case.expected), "\n".join(map(str, found.values()))
    for expected, words in case.expected.items():
        assert words in found[expected].what


@pytest.mark.parametrize("path", GOOD, ids=[path.stem for path in GOOD])
def test_a_good_example_is_left_alone(path: Path) -> None:
    case = read_case(path)
    assert case.about <= set(CODES)
    assert case.about, "a good example says which rule it is about"
    assert [str(finding) for finding in find(case)] == []


def test_the_small_tree_is_good() -> None:
    assert [str(finding) for finding in find(Case())] == []


def test_every_finding_has_a_hint() -> None:
    bare = {finding.code for path in BAD for finding in find(read_case(path)) if not finding.hint}
    assert bare == set()


def test_there_are_fifty_mistakes_and_every_code_has_one() -> None:
    cases = [read_case(path) for path in BAD]
    codes = {expected.split()[-1] for case in cases for expected in case.expected}
    assert len(cases) >= 50
    elsewhere = {"CB001", "CB004", "CB007"}  # too large or not text: tests/build/test_check.py
    of_ledgers = {
        "CB060",
        "CB061",
        "CB062",
        "CB063",
        "CB064",
    }  # tests/core/test_audit.py, test_release.py, build/test_proofs.py
    of_proofs = {"CB065", "CB066", "CB067", "CB068", "CB070", "CB071", "CB072"}  # tests/lint/test_proofs.py
    of_others = {"CB031"}  # tests/catalog/test_load.py: nothing of ours is left out
    assert set(CODES) - codes == elsewhere | of_ledgers | of_proofs | of_others


def test_twelve_rules_have_a_good_example_beside_the_bad_one() -> None:
    good = {code for path in GOOD for code in read_case(path).about}
    bad = {expected.split()[-1] for path in BAD for expected in read_case(path).expected}
    assert good <= bad
    assert len(good) >= 12


def test_an_expectation_is_read_with_and_without_its_parts() -> None:
    for text, parts in {
        "7:5 CB012 'enbled'": (None, "7", "5", "CB012", "'enbled'"),
        "overlays/base.yaml CB014": ("overlays/base.yaml", None, None, "CB014", None),
        "overlays/a.yaml:7:5 CB012": ("overlays/a.yaml", "7", "5", "CB012", None),
        "CB042": (None, None, None, "CB042", None),
    }.items():
        match = EXPECT.match(text)
        assert match
        assert match.groups() == parts
