"""Whatever a source file holds, `check` ends in findings: never in a traceback, never without an end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterbook.catalog.load import survey_catalog
from clusterbook.catalog.read import tree_from_texts
from clusterbook.diagnostics.report import FORMATS, report
from clusterbook.lint.rules import check
from clusterbook.lint.run import check_tree
from clusterbook.resolve import matrix
from clusterbook.site.codes import CODES

MINIMAL = Path(__file__).parent.parent / "good" / "minimal"
TEXTS = {path.relative_to(MINIMAL).as_posix(): path.read_text("utf-8") for path in sorted(MINIMAL.rglob("*.yaml"))}
PATHS = sorted(TEXTS)
WORDS = [
    *"null ~ true false 0 -1 1.5 1e999 .inf .nan 0x1f 2026-11-21 [] {} [[]] {a: } \"\" ''".split(),
    *"| > >- - -- --- ... ? : ,".split(),
    *"*a &a <<: !!str !!binary !!set %YAML @ ` # '\" \\ \t \u00e9 \u2028 \ufeff \U0001f600 \x85".split(" "),
    "<<: *a", "&a [*a]", "{" * 70, "- " * 70, "a" * 3000, "kind: RecipeMixin", "base: eks", "../../etc/passwd",
    "name: base", "- name: operator", "criteria:", "nodes: 99999999999999999999", "version: 1.10", "enabled: no",
]  # fmt: skip


def mutated(text: str, steps: list[tuple[str, int, int, str]]) -> str:
    """Return a text with lines taken out, doubled, moved, indented otherwise, or with other words in them."""
    lines = text.split("\n")
    for step, first, second, word in steps:
        at, other = first % len(lines), second % len(lines)
        key = lines[at].partition(":")[0]
        if step == "delete" and len(lines) > 1:
            del lines[at]
        elif step == "double":
            lines.insert(other, lines[at])
        elif step == "swap":
            lines[at], lines[other] = lines[other], lines[at]
        elif step == "indent":
            lines[at] = " " * (second % 7) + lines[at].lstrip()
        elif step == "value":
            lines[at] = f"{key}: {word}"
        elif step == "replace":
            lines[at] = " " * (second % 7) + word
        elif step == "cut":
            lines[at] = lines[at][: second % (len(lines[at]) + 1)]
    return "\n".join(lines)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["delete", "double", "swap", "indent", "value", "value", "replace", "cut"]),
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(WORDS) | st.text(max_size=12),
    ),
    min_size=1,
    max_size=6,
)


def found_in(texts: dict[str, str], *, strict: bool) -> None:
    """Check a tree, and hold what comes out to what a finding is."""
    survey = survey_catalog(replace(tree_from_texts(texts, label="tree"), strict=strict))
    findings = check(survey, matrix.build(survey))
    assert {finding.code for finding in findings} <= set(CODES)
    assert all(finding.what for finding in findings)
    for form in FORMATS:
        assert report(findings, form, lambda: CODES).encode("utf-8")


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PATHS), STEPS, st.booleans())
def test_a_file_with_lines_out_of_place_gives_findings(
    path: str, steps: list[tuple[str, int, int, str]], strict: bool
) -> None:
    found_in({**TEXTS, path: mutated(TEXTS[path], steps)}, strict=strict)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PATHS), st.text(max_size=200))
def test_any_text_gives_findings(path: str, text: str) -> None:
    found_in({**TEXTS, path: text}, strict=True)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PATHS), min_size=1, unique=True))
def test_a_tree_with_files_missing_gives_findings(missing: list[str]) -> None:
    found_in({path: text for path, text in TEXTS.items() if path not in missing}, strict=True)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), st.integers(0, 400), st.binary(min_size=1, max_size=20))
def test_any_bytes_give_findings(tmp_path: Path, path: str, at: int, noise: bytes) -> None:
    root = tmp_path / "tree"
    for name, text in TEXTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    data = TEXTS[path].encode()
    (root / path).write_bytes(data[: at % len(data)] + noise + data[at % len(data) :])
    findings = check_tree(root, strict=True)
    assert {finding.code for finding in findings} <= set(CODES)
