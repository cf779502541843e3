"""Laws of whole catalogs, on small random ones: every query has one answer, and a second resolver agrees with ours."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clusterbook.catalog.criteria import ANY, DIMENSIONS, Criteria, product, union
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.tree import SourceTree
from clusterbook.resolve import matrix
from clusterbook.resolve.component import Conflict
from clusterbook.resolve.document import origins_document, recipe_document
from clusterbook.resolve.matching import COMPOSED, CURATED, INHERITED, UNSUPPORTED
from clusterbook.resolve.matrix import Matrix
from clusterbook.resolve.resolver import Resolver
from clusterbook.resolve.views import query_view
from tests.support.replay import replay
from tests.support.trees import tree

VALUES = {
    "service": ("eks", "gke", "aks"),
    "accelerator": ("h100", "b200", "l40"),
    "intent": ("training", "inference"),
    "os": ("ubuntu", "cos", "rhel"),
    "platform": ("nim", "slurm"),
}
NAMES = ("delta", "alpha", "echo", "bravo", "foxtrot", "charlie", "golf", "hotel")
COMPONENTS = "abc"

Spec = dict[str, Any]


def some(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    """Return maps that have some of these keys."""
    return st.fixed_dictionaries({}, optional=strategies)


CRITERIA = some(**{name: st.sampled_from((*values, ANY)) for name, values in VALUES.items()}, nodes=st.just(8))
CONSTRAINTS = st.lists(some(unit=st.just("s")).flatmap(lambda more: st.builds(
    lambda name, value: {"name": name, "value": value, **more}, st.sampled_from("KLM"), st.sampled_from("123"))),
    max_size=2, unique_by=lambda each: str(each["name"]))  # fmt: skip
OVERRIDES = some(x=st.sampled_from([1, None]), m=some(y=st.sampled_from([1, 2, None]), z=st.lists(st.just(1))),
                 enabled=st.booleans())  # fmt: skip
PART = some(
    version=st.sampled_from(["", "1", "2"]),
    namespace=st.sampled_from(["", "n"]),
    overrides=OVERRIDES,
    dependencyRefs=st.lists(st.sampled_from(COMPONENTS), max_size=1),
    manifestFiles=st.lists(st.sampled_from(["m", "n"]), max_size=2),
    cleanup=st.booleans(),
)
PARTS = st.dictionaries(st.sampled_from(COMPONENTS), PART, max_size=2).map(
    lambda parts: [{"name": name, **part} for name, part in parts.items()]
)
PHASE = some(checks=st.lists(st.sampled_from("pqr"), max_size=2, unique=True), constraints=CONSTRAINTS,
             timeout=st.sampled_from(["", "5m"]))  # fmt: skip
CONTENT = {
    "constraints": CONSTRAINTS,
    "componentRefs": PARTS,
    "validation": some(deployment=PHASE, readiness=PHASE),
    "mixins": st.lists(st.sampled_from(["os", "net"]), max_size=1),
}


@st.composite
def catalogs(draw: st.DrawFn) -> dict[str, Spec]:
    """Return the specs of a catalog by path: base, up to eight overlays in chains, and two mixins."""
    specs: dict[str, Spec] = {"base": draw(some(**{key: CONTENT[key] for key in list(CONTENT)[:3]}))}
    count = draw(st.integers(0, len(NAMES)))
    for number, name in enumerate(NAMES[:count]):
        specs[name] = draw(some(**CONTENT)) | {"criteria": draw(CRITERIA)}
        parent = draw(st.sampled_from(["", "base", *NAMES[:number]]))
        if parent:
            specs[name]["base"] = parent
    specs["mixins/os"] = {"constraints": [{"name": "OS", "value": "1"}]}
    specs["mixins/net"] = draw(some(constraints=CONSTRAINTS, componentRefs=PARTS))
    return specs


def source(specs: Mapping[str, Spec]) -> SourceTree:
    """Return the source tree of `specs`; JSON is YAML."""
    return tree({path: json.dumps(spec) for path, spec in specs.items()})


def build(specs: Mapping[str, Spec]) -> Matrix:
    """Return the matrix of `specs`."""
    return matrix.build(load_catalog(source(specs)))


def claims(spec: Spec) -> Criteria:
    """Return what an overlay claims."""
    return Criteria(**spec["criteria"])


def queries(*, nodes: Sequence[int] = (0, 8, 9)) -> list[Criteria]:
    """Return the whole product, with a service that nobody knows and several numbers of nodes."""
    whole = product({**VALUES, "service": (*VALUES["service"], "metal3")})
    return [query._replace(nodes=number) for query in whole for number in nodes]


def near(specs: Mapping[str, Spec]) -> list[Criteria]:
    """Return queries that overlays answer: what each claims, what two claim together, and a few others."""
    claimed = [claims(spec) for spec in specs.values() if "criteria" in spec]
    joined = [one.union(two) for one in claimed for two in claimed]
    return sorted({*(query for query in joined if query is not None), *SAMPLE[:3]})


QUERIES = queries()
SAMPLE = random.Random(1).sample(QUERIES, 60)  # noqa: S311 (a fixed sample, no secret)


# --- the second resolver: rows R18-R40 on plain data, as simple as it can be said -------------------------------------


class Contradiction(Exception):
    """The layers contradict each other."""


@dataclass
class Plain:
    """What the second resolver makes of a query."""

    applied: list[str]
    constraints: dict[str, dict[str, str]]
    components: dict[str, Spec]
    order: list[str]
    validation: Spec


def parents(specs: Mapping[str, Spec], name: str) -> list[str]:
    """Return the overlays below base from the root to `name`."""
    base = specs[name].get("base", "base")
    return [*(parents(specs, base) if base != "base" else []), name]


def applied(specs: Mapping[str, Spec], query: Criteria) -> list[str]:
    """Return the overlays that apply, in order (R18-R21)."""
    overlays = [name for name in specs if "criteria" in specs[name]]
    matching = [
        name
        for name in overlays
        if all(mine in (ANY, 0, asked) for mine, asked in zip(claims(specs[name]), query, strict=True))
    ]
    hidden = {parent for name in matching for parent in parents(specs, name)[:-1]}
    leaves = [name for name in matching if name not in hidden]
    leaves.sort(key=lambda name: (sum(value not in (ANY, 0) for value in claims(specs[name])), name))
    found = ["base"]
    for leaf in leaves:
        found += [name for name in parents(specs, leaf) if name not in found]
    return found


def deep(low: Spec, high: Spec) -> Spec:
    """Return `high` over `low` (R29); null is a value like others, as Helm has it."""
    merged = dict(low)
    for key, value in high.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = deep(merged[key], value)
        else:
            merged[key] = value
    return merged


def add_part(components: dict[str, Spec], part: Spec) -> None:
    """Merge what a layer says about a component (R27-R32)."""
    known = components.setdefault(part["name"], {"dependencyRefs": [], "manifestFiles": [], "overrides": {}})
    for field in ("version", "namespace", "cleanup"):
        if part.get(field):
            known[field] = part[field]
    for field in ("dependencyRefs", "manifestFiles"):
        known[field] = list(dict.fromkeys([*known[field], *part.get(field, [])]))
    known["overrides"] = deep(known["overrides"], part.get("overrides", {}))


def add_mixin(specs: Mapping[str, Spec], name: str, found: Plain) -> None:
    """Merge a mixin, where it may (R34, R35)."""
    spec = specs[f"mixins/{name}"]
    for constraint in spec.get("constraints", []):
        if constraint["name"] in found.constraints:
            raise Contradiction
        found.constraints[constraint["name"]] = constraint
    for part in spec.get("componentRefs", []):
        allowed = {"name", "namespace", "manifestFiles"}
        if part["name"] in found.components and any(value for key, value in part.items() if key not in allowed):
            raise Contradiction
        add_part(found.components, part)


def add_validation(known: Spec, said: Spec) -> None:
    """Merge the validation phases of a layer (R33)."""
    for name, phase in said.items():
        mine = known.setdefault(name, {})
        if phase.get("timeout"):
            mine["timeout"] = phase["timeout"]
        if "checks" in phase:
            mine["checks"] = list(dict.fromkeys([*mine.get("checks", []), *phase["checks"]])) if phase["checks"] else []
        if "constraints" in phase:
            union = {each["name"]: each for each in (*mine.get("constraints", []), *phase["constraints"])}
            mine["constraints"] = list(union.values()) if phase["constraints"] else []


def order(components: Mapping[str, Spec]) -> list[str]:
    """Return the order of deployment (R39, R40)."""
    needs = {name: set(spec["dependencyRefs"]) for name, spec in components.items()}
    if any(need not in components for name in needs for need in needs[name]):
        raise Contradiction
    reached = {name: set(found) for name, found in needs.items()}
    for _ in components:
        reached = {name: found.union(*(reached[need] for need in found)) for name, found in reached.items()}
    if any(name in found for name, found in reached.items()):
        raise Contradiction
    enabled = {name for name, spec in components.items() if spec["overrides"].get("enabled") is not False}
    done: list[str] = []
    while len(done) < len(enabled):
        done.append(min(name for name in enabled - set(done) if needs[name] & enabled <= set(done)))
    return done


def resolved(specs: Mapping[str, Spec], query: Criteria) -> Plain:
    """Return the recipe for `query`.

    Raises:
        Contradiction: there is none.
    """
    found = Plain(applied(specs, query), {}, {}, [], {})
    for name in found.applied:
        for constraint in specs[name].get("constraints", []):
            found.constraints[constraint["name"]] = constraint
        for part in specs[name].get("componentRefs", []):
            add_part(found.components, part)
        add_validation(found.validation, specs[name].get("validation", {}))
    for mixin in dict.fromkeys(mixin for name in found.applied for mixin in specs[name].get("mixins", [])):
        add_mixin(specs, mixin, found)
    found.order = order(found.components)
    return found


@given(catalogs())
@settings(max_examples=150)
def test_a_second_resolver_agrees(specs: dict[str, Spec]) -> None:
    resolver = Resolver(load_catalog(source(specs)))
    for query in near(specs):
        try:
            plain = resolved(specs, query)
        except Contradiction:
            plain = None
        try:
            recipe = resolver.resolve(query)
        except Conflict:
            assert plain is None, query
            continue
        assert plain is not None, query
        document = query_view(recipe_document(recipe, state=CURATED))
        assert list(recipe.applied) == plain.applied
        assert document.get("constraints", []) == [plain.constraints[name] for name in sorted(plain.constraints)]
        assert document["deploymentOrder"] == plain.order
        assert document.get("validation", {}) == plain.validation
        assert sorted(document["components"]) == sorted(plain.components)
        for name, spec in plain.components.items():
            ours = document["components"][name]
            assert ours["version"] == spec.get("version", "1.0.0")
            assert ours["namespace"] == spec.get("namespace", f"ns-{name}")
            assert ours.get("values", {}) == spec["overrides"]
            for field in ("dependencyRefs", "manifestFiles"):
                assert ours.get(field, []) == spec[field]


def required_systems(claimed: Sequence[Criteria], query: Criteria) -> list[str]:
    """Return the operating systems of which a query has to name one (R23, and what the reference asks since August)."""

    def others(asked: Criteria) -> list[str]:
        return sorted({each.os for each in claimed if each.os != ANY and each.covers(asked._replace(os=each.os))})

    if query.os != ANY:
        return []
    covering = [each for each in claimed if each.covers(query)]
    if query.service != ANY and not any(each[:2] == query[:2] for each in covering):
        return others(query)
    together = union(covering)
    alone = any(each in (together, together._replace(nodes=0)) for each in (*claimed, Criteria()))
    return [] if alone else others(together)


# --- laws of the matrix -----------------------------------------------------------------------------------------------


@given(catalogs())
@settings(max_examples=60)
def test_every_query_has_exactly_one_state(specs: dict[str, Spec]) -> None:
    found = build(specs)
    claimed = [claims(spec) for spec in specs.values() if "criteria" in spec]
    exact = {*claimed, Criteria()}
    for query in QUERIES:
        answer = found.answer(query)
        assert answer.state in (CURATED, COMPOSED, INHERITED, UNSUPPORTED)
        assert answer.query == query
        assert (answer.slug is None) == (answer.honoured.slug() in found.matcher.failures)
        systems = required_systems(claimed, query)
        assert (answer.state == UNSUPPORTED) == bool(answer.slug is None or systems)
        if answer.state == UNSUPPORTED:
            assert answer.reason.endswith(f"(valid: {', '.join(systems)})") or answer.slug is None
            continue
        assert (answer.state == INHERITED) == (answer.honoured != query)
        assert (answer.state == CURATED) == (query in exact and answer.honoured == query)
        assert answer.lost == tuple(
            name for name in query.specified() if getattr(answer.honoured, name) != getattr(query, name)
        )
        assert answer.slug in found.recipes


@given(catalogs())
@settings(max_examples=60)
def test_the_answer_to_an_answer_is_the_same_recipe(specs: dict[str, Spec]) -> None:
    found = build(specs)
    for query in QUERIES:
        answer = found.answer(query)
        again = found.answer(answer.honoured)
        assert (again.slug, again.honoured) == (answer.slug, answer.honoured)
        assert found.matcher.matched(query) == found.matcher.matched(answer.honoured)
        if answer.state == UNSUPPORTED:
            continue
        assert found.recipes[answer.slug or ""].criteria == answer.honoured
        if again.state == UNSUPPORTED:  # an OS was named, though one that changes nothing (R23)
            assert query.os != ANY
            assert again.reason.startswith("an OS is required")
        else:
            assert again.state in (CURATED, COMPOSED)


@given(catalogs())
@settings(max_examples=60)
def test_a_query_and_its_slug_are_resolved_to_the_same_recipe(specs: dict[str, Spec]) -> None:
    found = build(specs)
    resolver = Resolver(found.catalog)
    for query in near(specs):
        answer = found.answer(query)
        if answer.slug is None:
            continue
        one, two = found.recipes[answer.slug], resolver.resolve(query)
        assert one.applied == two.applied
        assert origins_document(one) == origins_document(two)


@given(catalogs())
@settings(max_examples=60)
def test_the_slugs_are_exactly_those_that_queries_lead_to(specs: dict[str, Spec]) -> None:
    found = build(specs)
    honoured = {found.answer(query).honoured for query in QUERIES}
    assert found.matcher.slugs() == {criteria.slug(): criteria for criteria in honoured}
    assert list(found.matcher.slugs()) == sorted(criteria.slug() for criteria in honoured)
    assert set(found.recipes) | set(found.matcher.failures) == set(found.matcher.slugs())
    assert not set(found.recipes) & set(found.matcher.failures)


@given(catalogs())
@settings(max_examples=60)
def test_the_nearest_recipes_are_curated_and_served(specs: dict[str, Spec]) -> None:
    found = build(specs)
    served = {query.slug() for query in QUERIES if found.answer(query).state == CURATED and query != Criteria()}
    for query in near(specs):
        suggested = found.matcher.nearest(query, count=99)
        assert len(set(suggested)) == len(suggested)
        assert set(suggested) == served - {query.slug()}
        assert found.matcher.nearest(query) == suggested[:3]


@given(catalogs(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_files_does_not_matter(specs: dict[str, Spec], chance: random.Random) -> None:
    whole = source(specs)
    paths = list(whole.files)
    chance.shuffle(paths)
    one, two = (
        build(specs),
        matrix.build(load_catalog(SourceTree({p: whole.files[p] for p in paths}, {}, whole.strict))),
    )
    assert [one.answer(query) for query in SAMPLE] == [two.answer(query) for query in SAMPLE]
    assert one.findings == two.findings
    assert {slug: origins_document(recipe) for slug, recipe in one.recipes.items()} == {
        slug: origins_document(recipe) for slug, recipe in two.recipes.items()
    }


@given(catalogs())
@settings(max_examples=60)
def test_the_origins_of_every_recipe_say_the_whole_recipe(specs: dict[str, Spec]) -> None:
    for recipe in build(specs).recipes.values():
        whole = query_view(json.loads(json.dumps(recipe_document(recipe, state=CURATED))))
        replayed = replay(json.loads(json.dumps(origins_document(recipe))))
        for part in ("constraints", "components", "validation"):
            assert replayed.get(part) == (whole.get(part) or None), part


@given(catalogs())
@settings(max_examples=30)
def test_the_states_are_counted_as_if_every_combination_were_asked_for(specs: dict[str, Spec]) -> None:
    found = build(specs)
    assert found.states() == Counter(found.answer(query).state for query in found.tuples())


def test_random_catalogs_hold_every_state() -> None:
    states = set()

    @given(catalogs())
    @settings(max_examples=60)
    def gather(specs: dict[str, Spec]) -> None:
        found = build(specs)
        states.update(found.answer(query).state for query in QUERIES)

    gather()
    assert states == {CURATED, COMPOSED, INHERITED, UNSUPPORTED}


def test_the_product_is_the_whole_product() -> None:
    assert len(QUERIES) == 5 * 4 * 3 * 4 * 3 * 3
    assert set(VALUES) == set(DIMENSIONS)
