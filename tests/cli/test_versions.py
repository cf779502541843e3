"""SLUG@VERSION and --release: an older release answers as it did, from the ledger of a clone or from where it lies."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from clusterbook.artifacts.open import open_index
from clusterbook.bundle.disk import read_bundle
from clusterbook.cli import build_main, main
from clusterbook.ledger.write_releases import write_releases
from clusterbook.lookup.release_folder import LISTING, find_folder, place
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.open import Base
from clusterbook.trust.policy import TrustOptions
from tests.support import clusters, indexes, ledgers, publications, trees
from tests.support.indexes import Said
from tests.support.publications import JULY, MARCH, Publisher

Ask = Callable[..., Said]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Give a command line whose user has a home of his own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> Said:
        capsys.readouterr()
        return Said(main.run(words, dict(os.environ)), *capsys.readouterr())

    return call


@pytest.fixture
def built(publisher: Publisher) -> Iterator[Path]:
    """Return where the indexes of the releases of the clone were written."""
    registry = publisher.checkout / "registry"
    assert write_releases(registry) == [MARCH, JULY]
    yield Path(place(str(registry)))
    shutil.rmtree(place(str(registry)))


@pytest.fixture(params=["clone", "built", "published"])
def release(
    request: pytest.FixtureRequest,
    publisher: Publisher,
    july: Path,
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Ask:
    """Give a command line that asks a clone, one that was built as well, and what is published, without a clone."""
    if request.param != "published":
        monkeypatch.chdir(publisher.checkout)
        if request.param == "built":
            request.getfixturevalue("built")
        return ask
    policy = tmp_path / "trust.yaml"  # --key signs evidence where there is some
    policy.write_text(
        "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: ours}\n"
        f"spec: {{signers: [{{key: {publisher.key}}}]}}\n"
    )
    return lambda *words: ask(*words, "--source", f"oci-layout:{july}", "--policy", str(policy))


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (("eks@1.0.0",), "1"),
        ((f"eks@{MARCH}",), "1"),
        (("eks@1.1.0",), "2"),
        ((f"eks@{JULY}",), "2"),
        (("eks", "--release", MARCH), "1"),
        ((f"eks@{MARCH}", "--release", MARCH), "1"),
        (("--service", "eks", "--release", MARCH), "1"),
        (("--service", "eks", "--release", JULY), "2"),
    ],
)
def test_a_version_answers_as_it_was_released(release: Ask, words: tuple[str, ...], size: str) -> None:
    path = ("--selector", "components.b.values.size")
    said = release("query", *words, *path)
    assert (said.status, said.out.strip()) == (0, size), said.err


def test_a_version_is_known_by_its_digest(release: Ask) -> None:
    digest = json.loads(release("query", "eks@1.0.0", "metadata", "-t", "json").out)["digest"]
    assert release("query", f"eks@{digest}", "components.b.values.size").out.strip() == "1"


def test_a_recipe_says_which_version_it_is(release: Ask) -> None:
    metadata = json.loads(release("recipe", f"eks@{MARCH}", "-t", "json").out)["metadata"]
    assert (metadata["slug"], metadata["version"]) == ("eks", "1.0.0")


def test_explain_names_the_layers_of_the_version(release: Ask) -> None:
    origins = json.loads(release("explain", "eks@1.0.0", "components.b.values.size", "-t", "json").out)
    (origin,) = origins["/components/b/values/size"]
    assert (origin["layer"], origin["value"], origin["file"]) == ("eks", 1, "recipes/overlays/eks.yaml")


def test_what_fits_a_cluster_is_what_the_release_serves(release: Ask, tmp_path: Path) -> None:
    snapshot = tmp_path / "cluster.yaml"
    snapshot.write_text(json.dumps(clusters.eks()))
    names = {
        name: [row["recipe"] for row in json.loads(release("fit", str(snapshot), "--release", name, "-t", "json").out)]
        for name in (MARCH, JULY)
    }
    assert "gke" not in names[MARCH]
    assert "gke" in names[JULY]


def test_a_version_is_validated(release: Ask, tmp_path: Path) -> None:
    snapshot = tmp_path / "cluster.yaml"
    snapshot.write_text(json.dumps(clusters.eks()))
    words = ("validate", f"eks@{MARCH}", "-s", str(snapshot), "--no-cluster", "-t", "json")
    assert release(*words).status in (0, 10)
    assert release("validate", "-r", f"eks@{MARCH}", *words[2:]).status in (0, 10)
    assert release("validate", "-r", "eks@7.7.7", *words[2:]).status == 3


def test_what_a_version_pulls_is_listed(release: Ask) -> None:
    charts = json.loads(release("mirror", "list", "eks@1.0.0", f"eks@{JULY}", "-t", "json").out)["spec"]["charts"]
    assert {chart["component"] for chart in charts} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("recipe", "eks@7.7.7"), 3, "there is no eks@7.7.7"),
        (("recipe", "eks", "--release", "1999.1.0"), 3, "1999.1.0"),
        (("recipe", "aks@"), 2, "has no version"),
        (("recipe", "@1.0.0"), 2, "has no version"),
        (("recipe", "eks@1.0.0", "--release", JULY), 2, "give one of them"),
        (("bundle", f"gke@{MARCH}"), 3, "there is no recipe gke"),
    ],
)
def test_what_there_is_not_is_refused(release: Ask, words: tuple[str, ...], status: int, part: str) -> None:
    said = release(*words)
    assert said.status == status
    assert part in said.err


def test_a_bundle_of_a_version_is_the_same_from_a_clone_and_from_where_it_is_published(
    publisher: Publisher, july: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(publisher.checkout)
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    assert ask("bundle", "eks@1.0.0", "-o", here).status == 0
    source = ("--source", f"oci-layout:{july}", "--key", str(publisher.key))
    assert ask("bundle", f"eks@{MARCH}", "-o", there, *source).status == 0
    assert read_bundle(here) == read_bundle(there)


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
@pytest.mark.parametrize(
    "words", [(MARCH, JULY), ("eks@1.0.0", "eks@1.1.0"), (f"eks@{MARCH}", f"aks@{JULY}"), (JULY, MARCH)]
)
def test_releases_and_versions_are_compared_without_a_clone(
    publisher: Publisher, july: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], form: str
) -> None:
    monkeypatch.chdir(publisher.checkout)
    here = ask("diff", *words, "-t", form)
    monkeypatch.chdir(july.parent)
    there = ask("diff", *words, "-t", form, "--source", f"oci-layout:{july}", "--key", str(publisher.key))
    assert (there.status, there.out) == (0, here.out), there.err
    assert here.out


def test_the_recipe_of_the_last_release_is_compared_by_its_name(
    publisher: Publisher, july: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(july.parent)
    source = ("--source", f"oci-layout:{july}", "--key", str(publisher.key))
    assert "size: 1 → 2" in ask("diff", "eks@1.0.0", "eks", *source).out
    assert "no recipe ekss" in ask("diff", "eks@1.0.0", "ekss", *source).err


@pytest.mark.parametrize(
    "words", [("recipe", "eks@1.0.0"), ("fit", "x.yaml", "--release", JULY), ("diff", MARCH, JULY)]
)
def test_who_has_no_clone_is_told_where_versions_are(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(json.dumps(clusters.eks()))
    said = ask(*words)
    assert said.status == 3
    assert "--source oci://HOST/BASE" in said.err


def test_what_was_written_of_releases_is_left_alone_until_the_ledger_or_the_program_changes(
    publisher: Publisher, built: Path
) -> None:
    registry = publisher.checkout / "registry"
    assert write_releases(registry) == []
    listing = json.loads((built / LISTING).read_text())
    (built / LISTING).write_text(json.dumps({**listing, "program": "another"}))
    assert write_releases(registry) == [MARCH, JULY]


@pytest.mark.parametrize(
    "change",
    [
        lambda listing: {**listing, "format": "clusterbook-index/0"},
        lambda listing: {**listing, "ledger": {**listing["ledger"], JULY: "0" * 64}},
        lambda listing: {**listing, "ledger": {MARCH: listing["ledger"][MARCH]}},
        lambda listing: {**listing, "releases": {MARCH: listing["releases"][MARCH]}},
        lambda listing: [listing],
        lambda _: None,
    ],
)
def test_what_was_written_for_another_ledger_is_not_asked(
    publisher: Publisher, built: Path, change: Callable[[Any], Any]
) -> None:
    registry = str(publisher.checkout / "registry")
    assert find_folder(registry, "1.1.0", "eks") is not None
    (built / LISTING).write_text(json.dumps(change(json.loads((built / LISTING).read_text()))))
    assert find_folder(registry, "1.1.0", "eks") is None
    assert find_folder(registry, JULY) is None


@pytest.mark.parametrize(("selector", "slug"), [("2026.4.0", ""), ("9.9.9", "eks"), ("1.0.0", "nonsense"), ("", "eks")])
def test_what_was_written_does_not_know_what_there_is_not(
    publisher: Publisher, built: Path, selector: str, slug: str
) -> None:
    assert built.is_dir()
    assert find_folder(str(publisher.checkout / "registry"), selector, slug) is None


def test_an_index_or_a_tree_has_no_releases(ask: Ask, tmp_path: Path) -> None:
    index = str(indexes.write_index(tmp_path))
    said = ask("recipe", "eks@1.0.0", "--source", index)
    assert said.status == 2
    assert "has no releases" in said.err


def test_a_ledger_whose_history_is_another_is_refused(
    publisher: Publisher, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(publisher.checkout, tmp_path / "clone", symlinks=True)
    monkeypatch.chdir(tmp_path / "clone")
    path = Path("registry/releases") / f"{MARCH}.yaml"
    digest = next(line for line in path.read_text().splitlines() if line.startswith("catalog: "))
    path.write_text(path.read_text().replace(digest, f"catalog: sha256:{'0' * 64}"))
    assert "CB185" in ask("recipe", "eks@1.0.0").err
    shutil.rmtree(".git")
    assert ask("recipe", "eks@1.1.0").status == 8


@pytest.mark.parametrize(
    "words", [("fetch", "recipe", "eks@1.0.0", "--release", MARCH), ("recipe", "eks", "--registry", "registry")]
)
def test_a_flag_that_says_nothing_new_or_twice_is_refused(ask: Ask, words: tuple[str, ...]) -> None:
    source = ("--from", "nowhere") if words[0] == "fetch" else ("--source", "oci-layout:x")
    assert ask(*words, *source).status == 2


@pytest.mark.parametrize(("name", "size"), [(MARCH, 1), (JULY, 2)])
def test_fetch_takes_what_a_release_served(publisher: Publisher, july: Path, ask: Ask, name: str, size: int) -> None:
    source = ("--from", str(july), "--key", str(publisher.key), "-t", "json", "--release", name)
    for words in (("eks",), ("--service", "eks")):
        recipe = json.loads(ask("fetch", "recipe", *words, *source).out)
        values = next(each["values"] for each in recipe["componentRefs"] if each["name"] == "b")
        assert values["size"] == size


@pytest.mark.parametrize(
    ("later", "hint"),
    [
        (
            {"eks-ubuntu": "criteria: {service: eks, os: ubuntu}"},
            "take eks-ubuntu, which answers in its place; or name",
        ),
        (
            {name: f"criteria: {{service: eks, os: {name[4:]}}}" for name in ("eks-ubuntu", "eks-rhel")},
            "take eks-rhel or eks-ubuntu, which",
        ),
        ({}, "take base, which answers"),
    ],
)
def test_fetch_of_a_recipe_that_is_gone_names_what_answers_in_its_place(
    ask: Ask, tmp_path: Path, later: dict[str, str], hint: str
) -> None:
    july = {name: text for name, text in ledgers.JULY.items() if name != "eks"} | later
    gone = publications.publisher(tmp_path, ledgers.MARCH, july)
    for release in (MARCH, JULY):
        gone.publish(publications.layout(tmp_path / "layout"), release)
    for words in (("recipe", "eks"), ("bundle", "eks", "-o", str(tmp_path / "bundle"))):
        said = ask("fetch", *words, "--from", str(tmp_path / "layout"), "--key", str(gone.key))
        assert said.status == 3, said
        assert "the release no longer serves eks" in said.err
        assert hint in said.err
        assert "versions: 1.0.0" in said.err


# --- choices of a release -------------------------------------------------------------------------------------------


MODES = "criteria: {service: aks}\ncomponentRefs: [{name: d, overrides: {size: 7}}]"


def stack(**sizes: int) -> str:
    """Return an overlay whose choice `stack` gives component b a size; the first answer is the default."""
    values = ", ".join(
        f"{name}: {{componentRefs: [{{name: b, overrides: {{size: {size}}}}}]}}" for name, size in sizes.items()
    )
    profile = f"profile: {{name: stack, default: {next(iter(sizes))}, values: {{{values}}}}}"
    return f"criteria: {{service: eks}}\ncomponentRefs: [{{name: b, overrides: {{size: 7}}}}]\n{profile}"


def confirmed(default: str) -> str:
    """Return a registry whose choice `mode` has a default that only confirms what is so anyway, and is not recorded."""
    values = ", ".join(
        f"{name}: {{componentRefs: [{{name: d, overrides: {{size: {size}}}}}]}}"
        for name, size in ((default, 7), ("other", 8))
    )
    choice = f"{{name: mode, confirms: true, default: {default}, values: {{{values}}}}}"
    return f"{trees.REGISTRY}configurations: [{choice}]\n"


@pytest.fixture(scope="module")
def chooser(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Give somebody who published March and July, whose eks has other answers to choose from in each."""
    march = {**ledgers.MARCH, "eks": stack(ami=1, operator=2), "aks": MODES, "registry.yaml": confirmed("plain")}
    july = {
        **ledgers.JULY,
        "eks": stack(ami=3, operator=4, later=5),
        "aks": MODES,
        "registry.yaml": confirmed("simple"),
    }
    found = publications.publisher(tmp_path_factory.mktemp("chooser"), march, july)
    for release in (MARCH, JULY):
        found.publish(publications.layout(found.checkout.parent / "layout"), release)
    return found


@pytest.fixture(params=["clone", "published"])
def choose(
    request: pytest.FixtureRequest, chooser: Publisher, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    """Give a command line that asks for the size of a recipe with choices, as `release` does."""
    monkeypatch.chdir(chooser.checkout if request.param == "clone" else tmp_path)
    source = ("--source", f"oci-layout:{chooser.checkout.parent / 'layout'}", "--key", str(chooser.key))
    more = source if request.param == "published" else ()

    def call(*words: str, component: str = "b") -> Said:
        return ask("query", *words, "--selector", f"components.{component}.values.size", *more)

    return call


@pytest.mark.parametrize(
    ("name", "sizes"),
    [(MARCH, {"": "1", "operator": "2"}), (JULY, {"": "3", "operator": "4", "later": "5"})],
)
def test_a_release_offers_the_choices_it_had(choose: Ask, name: str, sizes: dict[str, str]) -> None:
    for chosen, size in sizes.items():
        slug = f"eks--{chosen}" if chosen else "eks"
        profile = ("--profile", f"stack={chosen}") if chosen else ()
        for words in (("eks", *profile), ("--service", "eks", *profile), (slug,)):
            said = choose(*words, "--release", name)
            assert (said.status, said.out.strip()) == (0, size), (words, said.err)
    assert choose("eks--operator@" + name).out.strip() == sizes["operator"]


def test_a_release_does_not_offer_what_a_later_one_does(choose: Ask) -> None:
    for words in (("eks", "--profile", "stack=later"), ("eks--later",)):
        said = choose(*words, "--release", MARCH)
        assert (said.status, said.out) == (2, ""), said.err
        assert choose(*words, "--release", JULY).out.strip() == "5"


def test_a_default_that_only_confirms_has_the_name_it_had(choose: Ask) -> None:
    for name, default, wrong in ((MARCH, "plain", "simple"), (JULY, "simple", "plain")):
        for chosen, size in ((default, "7"), ("other", "8"), (wrong, "")):
            said = choose("aks", "--profile", f"mode={chosen}", "--release", name, component="d")
            assert (said.status, said.out.strip()) == (0 if size else 2, size), (name, chosen, said.err)


def test_choices_of_a_release_whose_index_does_not_list_them_are_those_of_its_recipes(
    chooser: Publisher, ask: Ask, tmp_path: Path
) -> None:
    layout = publications.layout(tmp_path / "layout")
    chooser.publish(layout, MARCH, change=lambda found: dataclasses.replace(found, parts={}))
    chooser.publish(layout, JULY)
    source = ("--source", f"oci-layout:{tmp_path / 'layout'}", "--key", str(chooser.key), "--release", MARCH)
    for chosen, status, size in (("ami", 0, "1"), ("operator", 0, "2"), ("later", 2, "")):
        said = ask("query", "eks", "components.b.values.size", "--profile", f"stack={chosen}", *source)
        assert (said.status, said.out.strip()) == (status, size), said.err


def test_choices_of_another_release_are_refused_in_the_place_of_its_own(
    chooser: Publisher, ask: Ask, tmp_path: Path
) -> None:
    shutil.copytree(chooser.checkout.parent / "layout", tmp_path / "layout")
    source = ("--source", f"oci-layout:{tmp_path / 'layout'}", "--key", str(chooser.key))
    base = Base(Layout(tmp_path / "layout"), "")
    trust = TrustOptions(chooser.policy)
    march, july = (open_index(base, trust, now=None, previous=None, tag=tag).envelope for tag in (MARCH, JULY))
    query = ("query", "--service", "eks", "--selector", "components.b.values.size", *source)
    for name, release, chosen in product(("choices", "criteria"), (MARCH, JULY), ("operator", "later")):
        own, other = (march, july) if release == MARCH else (july, march)
        path, wrong = (tmp_path / "layout/blobs/sha256" / each.shards[name].digest[7:] for each in (own, other))
        whole = path.read_bytes()
        assert whole != wrong.read_bytes()
        path.write_bytes(wrong.read_bytes())
        said = ask(*query, "--profile", f"stack={chosen}", "--release", release)
        assert (said.status, said.out) == (4, ""), (name, release, said.err)
        path.write_bytes(whole)
        served = ask(*query, "--profile", f"stack={chosen}", "--release", release)
        assert served.status == (2 if (release, chosen) == (MARCH, "later") else 0), served.err
    latest = base.store.manifest("index", JULY)
    base.store.put_manifest("index", latest, tag=MARCH)
    said = ask(*query, "--release", MARCH)
    assert (said.status, said.out) == (4, ""), said.err
    assert "its tag was moved" in said.err


# --- publishing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("--all",), (JULY, MARCH), (MARCH, JULY)])
def test_whatever_the_order_everything_that_is_published_is_reachable(
    publisher: Publisher, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, order: tuple[str, ...]
) -> None:
    monkeypatch.chdir(publisher.checkout)
    private = str(publisher.checkout.parent / "our.key")
    to = ("--to", f"oci-layout:{tmp_path / 'layout'}", "--key", private, "--lifetime", "3660")
    for word in order:
        assert build_main.run(["publish", word, *to]) == 0
    source = ("--source", f"oci-layout:{tmp_path / 'layout'}", "--key", str(publisher.key))
    for version, size in (("1.0.0", "1"), ("1.1.0", "2"), (MARCH, "1"), (JULY, "2")):
        said = ask("query", f"eks@{version}", "components.b.values.size", *source)
        assert (said.status, said.out.strip()) == (0, size), said.err
    assert ask("query", "eks", "components.b.values.size", *source).out.strip() == "2"


def test_all_and_one_release_are_not_asked_at_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(publisher.checkout)
    assert build_main.run(["publish", JULY, "--all", "--to", f"oci-layout:{tmp_path}/x", "--unsigned"]) == 2
