"""Mirrors: what is saved on one side of an air gap is there on the other, signed, and what is not was said."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

import clusterbook
from clusterbook.artifacts import index
from clusterbook.artifacts.attachment import sbom_attachment, signature_attachment
from clusterbook.artifacts.freshness import IndexWithdrawal
from clusterbook.artifacts.open import OpenIndex, WithdrawnVersion, open_index
from clusterbook.artifacts.pins import recipe_pins
from clusterbook.bundle import mirror_names
from clusterbook.bundle.folders import VendoredChart
from clusterbook.bundle.render import render
from clusterbook.cli import build_main
from clusterbook.cli import main as client
from clusterbook.diagnostics.errors import ClusterbookError, InvalidRequest, NotFound
from clusterbook.diagnostics.transport import Malformed, NoArtifact, Patience
from clusterbook.files.archive import unpack_file
from clusterbook.files.context import Context
from clusterbook.files.tar_reader import Limits
from clusterbook.files.write import write_folder
from clusterbook.mirror import archive as mirror_archive
from clusterbook.mirror import save as mirror_save
from clusterbook.mirror.archive import CHART, IMAGE
from clusterbook.mirror.load import LoadResult, contents, load
from clusterbook.mirror.save import SaveRequest, SaveResult, save
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, artifact, describe_file
from clusterbook.oci.open import Access, Base, open_source
from clusterbook.oci.registry import Registry
from clusterbook.oci.store import Store, from_bytes
from clusterbook.publish.publish import Destination, publish
from clusterbook.publish.release import PublishRequest, prepare
from clusterbook.trust.choose_policy import PolicyChoice
from clusterbook.trust.keys import private_key
from clusterbook.trust.policy import Policy, Tampered, TrustOptions, Unsigned, WrongSigner
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.statement import PROVENANCE, Subject, provenance, statement
from clusterbook.trust.verify import bundles_of, key_policy, verify_any
from clusterbook.verify import verify
from clusterbook.verify.verifier import Verifier
from tests.contract.store_contract import put
from tests.support import checkouts
from tests.support.checkouts import JULY, MARCH
from tests.support.ledgers import MARCH as SOURCES
from tests.support.servers.certificates import private_pem
from tests.support.servers.registry import FakeRegistry, running

Call = Callable[..., tuple[int, str, str]]
SBOM = "application/vnd.cyclonedx+json"
SLUGS = {"base", "aks", "eks", "gke"}
IMAGES = "apiVersion: clusterbook.dev/v1alpha1\nkind: ComponentImages\nmetadata: {name: b}\nspec:\n  images:"


def silent(*_: object) -> None:
    """Do not care how far it has come."""


def sources(host: str) -> dict[str, str]:
    """Return a catalog whose charts and images are in the registry at `host`, but for one image."""
    names = "\n".join(
        f"    - {{registry: '{host}', repository: {name}, tag: '1', source: chart}}"
        for name in ("team/app", "team/gone")
    )
    chart = f"source: 'oci://{host}/charts', chart: web, version: '1.2.0'"
    return {
        **SOURCES,
        "base": f"componentRefs: [{{name: a, {chart}, valuesFile: components/a/values.yaml}}]",
        "components/b/images.yaml": f"{IMAGES}\n{names}",
        "eks": f"criteria: {{service: eks}}\ncomponentRefs: [{{name: b, {chart}}}]",
        "gke": "criteria: {service: gke}",
    }


def push(store: Store, repository: str, tag: str) -> str:
    """Put an artifact into a store; return its digest."""
    data = f"{repository}:{tag}".encode()
    made = artifact("application/x", [layer := describe_file("application/x", data, "x")])
    for blob, content in ((EMPTY_CONFIG, EMPTY_BLOB), (layer, data)):
        store.put_blob(repository, blob, from_bytes(content))
    store.put_manifest(repository, made, tag=tag)
    return made.digest


class Side:
    """The side with a network: a published release, whose charts and images are in a registry that is `upstream`."""

    def __init__(self, folder: Path, upstream: FakeRegistry) -> None:
        self.host = upstream.host
        store = Registry(upstream.host)
        self.image = push(store, "team/app", "1")
        self.chart = push(store, "charts/web", "1.2.0")
        pem = private_pem(ed25519.Ed25519PrivateKey.generate())
        (folder / "our.key").write_bytes(pem)
        self.key = folder / "our.pub"
        (folder / "our.pub").write_text(private_key(pem, "our").public().pem())
        self.trusting = TrustOptions(key_policy([folder / "our.pub"]))
        self.layout = folder / "layout"
        self.base = Base(Layout(self.layout, create=True), "")
        before = Path.cwd()
        checkout = folder / "checkout"
        checkout.mkdir()
        os.chdir(checkout)
        try:
            checkouts.run_git("init", "-q", "-b", "main")
            for name, date, size in ((MARCH, checkouts.MARCH_DATE, 1), (JULY, checkouts.JULY_DATE, 2)):
                checkouts.write({**sources(self.host), "components/a/values.yaml": f"x: {size}\n"})
                checkouts.commit_all(name, date)
                assert build_main.run(["release", name]) == 0
        finally:
            os.chdir(before)
        signer = KeySigner.from_file(folder / "our.key", {})
        request = PublishRequest(JULY, checkout / "recipes", checkout / "registry")
        charts = {(name, "web", "1.2.0"): store.manifest("charts/web", "1.2.0").layers[0].digest for name in "ab"}
        release = dataclasses.replace(prepare(request), charts=charts)
        publish(release, Destination(self.base, signer, self.trusting))

    def opened(self) -> OpenIndex:
        return open_index(self.base, self.trusting, now=None, previous=None)

    def save(self, target: Path, *slugs: str, **more: bool) -> SaveResult:
        return save(self.opened(), SaveRequest(slugs, **more), target, Access(), silent)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeRegistry]:
    """Give the registry that charts and images come from."""
    with running(FakeRegistry()) as registry:
        yield registry


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory, upstream: FakeRegistry) -> Side:
    """Give the side with a network; nobody changes it."""
    return Side(tmp_path_factory.mktemp("side"), upstream)


@pytest.fixture(scope="module")
def archive(side: Side, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an archive of one recipe."""
    target = tmp_path_factory.mktemp("archive") / "mirror.tar"
    side.save(target, "eks")
    return target


@pytest.fixture(params=["layout", "referrers", "fallback"])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Base]:
    """Give the far side, empty: a layout, and registries with and without the referrers API."""
    if request.param == "layout":
        yield Base(Layout(tmp_path / "far", create=True), "")
    else:
        with running(FakeRegistry(referrers=request.param == "referrers")) as server:
            yield Base(Registry(server.host), "acme/mirror")


def policy(side: Side) -> Policy:
    assert side.trusting.policy is not None
    return side.trusting.policy


def carried(side: Side, archive: Path, far: Base) -> LoadResult:
    return load(open_index(open_source(str(archive), Access()), side.trusting, now=None, previous=None), far, silent)


def test_an_archive_says_what_it_holds_and_what_could_not_be_had(side: Side, archive: Path) -> None:
    found = contents(open_source(str(archive), Access()))
    assert (found.release, found.recipes) == (JULY, ("eks@1.0.1",))
    assert {(each.kind, each.name, each.digest) for each in found.held} == {
        (IMAGE, f"{side.host}/team/app:1", side.image),
        (CHART, f"oci://{side.host}/charts/web:1.2.0", side.chart),
    }
    (missing,) = found.missing
    assert (missing.kind, missing.name) == (IMAGE, f"{side.host}/team/gone:1")
    assert "team/gone 1 does not exist" in missing.why


def test_the_same_recipes_make_the_same_archive(side: Side, archive: Path, tmp_path: Path) -> None:
    side.save(tmp_path / "again.tar", "eks")
    assert (tmp_path / "again.tar").read_bytes() == archive.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["again.tar"]


def test_what_crossed_is_there_signed_and_as_it_was(side: Side, archive: Path, far: Base) -> None:
    done = carried(side, archive, far)
    assert done.latest
    found = open_index(far, side.trusting, now=None, previous=None)
    assert found.manifest.digest == side.opened().manifest.digest
    version, entry = index.choose("eks", found.recipe("eks"), "")
    for needed in index.closure("eks", index.PublishedRecipe(version, {version: entry})):
        home = far.repository(needed.repository)
        assert far.store.manifest(home, needed.tag).digest == needed.pin.digest
        assert verify_any(bundles_of(far.store, home, needed.pin.digest), needed.pin.digest, policy(side))
        assert len(far.store.referrers(home, needed.pin.digest, SBOM)) == needed.repository.startswith("recipes/")
    for part in done.contents.held:
        assert far.store.manifest(far.repository(part.repository), part.tag).digest == part.digest


def test_loading_again_moves_nothing(side: Side, archive: Path, far: Base) -> None:
    first, again = carried(side, archive, far), carried(side, archive, far)
    assert first.moved_blobs > 10
    assert (again.moved_blobs, again.moved_bytes) == (0, 0)


def test_a_mirror_can_be_saved_from_a_mirror(side: Side, archive: Path, tmp_path: Path) -> None:
    near = Base(Layout(tmp_path / "near", create=True), "")
    carried(side, archive, near)
    opened = open_index(near, side.trusting, now=None, previous=None)
    done = save(opened, SaveRequest(["eks"], charts=False, images=False), tmp_path / "next.tar", Access(), silent)
    assert (done.contents.held, done.contents.missing) == ((), ())


def test_without_names_the_whole_release_is_saved(side: Side, tmp_path: Path) -> None:
    done = side.save(tmp_path / "all.tar", charts=False, images=False)
    assert {name.partition("@")[0] for name in done.contents.recipes} == SLUGS


def test_a_registry_that_is_not_there_is_asked_once(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def nobody(host: str, access: Access) -> Store:
        del host, access
        asked.append(1)
        return Registry("127.0.0.1:9", patience=Patience(tries=1))

    monkeypatch.setattr(mirror_save, "open_registry", nobody)
    done = side.save(tmp_path / "m.tar", "eks")
    assert len(done.contents.missing) == 3
    assert len({each.why for each in done.contents.missing}) == 1
    assert asked == [1]


def test_a_run_that_was_broken_off_is_gone_on_with(
    side: Side, archive: Path, tmp_path: Path, upstream: FakeRegistry
) -> None:
    target = tmp_path / "m.tar"
    Layout((tmp_path / ".m.tar.parts"), create=True)

    def stop(phase: str, *_: object) -> None:
        if phase == "archive":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(side.opened(), SaveRequest(["eks"]), target, Access(), stop)
    assert not target.exists()
    before = upstream.count("GET", "/blobs/")
    save(side.opened(), SaveRequest(["eks"]), target, Access(), silent)
    assert upstream.count("GET", "/blobs/") == before
    assert target.read_bytes() == archive.read_bytes()


def test_what_cannot_be_saved_is_named(side: Side, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nope"):
        side.save(tmp_path / "m.tar", "nope")
    with pytest.raises(InvalidRequest, match="helmm"):
        save(side.opened(), SaveRequest(["eks"], ["helmm"]), tmp_path / "m.tar", Access(), silent)
    assert list(tmp_path.iterdir()) == []


def _list(layout: Layout, change: Callable[[mirror_archive.ArchiveContents], mirror_archive.ArchiveContents]) -> None:
    """Write another list into an archive."""
    made, blobs = mirror_archive.manifest(change(contents(Base(layout, ""))))
    for blob, data in blobs:
        layout.put_blob("mirror", blob, from_bytes(data))
    layout.put_manifest("mirror", made, tag="latest")


def exchanged_chart(layout: Layout, host: str) -> None:
    def change(found: mirror_archive.ArchiveContents) -> mirror_archive.ArchiveContents:
        chart = next(each for each in found.held if each.kind == CHART)
        evil = put(layout, chart.repository, b"another chart", tag=chart.tag).digest
        return found._replace(held=(*(each for each in found.held if each != chart), chart._replace(digest=evil)))

    del host
    _list(layout, change)


def added_image(layout: Layout, host: str) -> None:
    del host
    evil = put(layout, "images/localhost_5000/x", b"evil", tag="1").digest
    image = mirror_names.image("localhost:5000/x:1")
    put(layout, image.home[0], b"evil", tag=image.home[1])
    more = mirror_archive.ArchivePart(IMAGE, "localhost:5000/x:1", *image.home, evil)
    _list(layout, lambda found: found._replace(held=(*found.held, more)))


def added_chart(layout: Layout, host: str) -> None:
    evil = put(layout, "charts/evil", b"evil", tag="1").digest
    more = mirror_archive.ArchivePart(CHART, f"oci://{host}/charts/evil:1", "charts/evil", "1", evil)
    _list(layout, lambda found: found._replace(held=(*found.held, more)))


def hushed_up_image(layout: Layout, host: str) -> None:
    del host
    _list(layout, lambda found: found._replace(held=tuple(each for each in found.held if each.kind != IMAGE)))


def lost(repository: str) -> Callable[[Layout, str], None]:
    def change(layout: Layout, _: str) -> None:
        document = json.loads((layout.path / "index.json").read_text())
        name = "org.opencontainers.image.ref.name"
        document["manifests"] = [
            each for each in document["manifests"]
            if not each.get("annotations", {}).get(name, "").startswith(f"{repository}/eks")
        ]  # fmt: skip
        (layout.path / "index.json").write_text(json.dumps(document))

    return change


def chart_beside_the_right_one(layout: Layout, host: str) -> None:
    """Put a second chart into the manifest of the first: which of them Helm takes, nobody said."""

    def change(found: mirror_archive.ArchiveContents) -> mirror_archive.ArchiveContents:
        chart = next(each for each in found.held if each.kind == CHART)
        (right,) = layout.manifest(chart.repository, chart.digest).layers
        evil = describe_file(right.media_type, b"another chart", "web.tgz")
        layout.put_blob(chart.repository, evil, from_bytes(b"another chart"))
        both = artifact("application/x", [right, evil])
        layout.put_manifest(chart.repository, both, tag=chart.tag)
        held = (*(each for each in found.held if each != chart), chart._replace(digest=both.digest))
        return found._replace(held=held)

    del host
    _list(layout, change)


def chart_without_bytes(layout: Layout, host: str) -> None:
    def change(found: mirror_archive.ArchiveContents) -> mirror_archive.ArchiveContents:
        chart = next(each for each in found.held if each.kind == CHART)
        empty = artifact("application/x", [])
        layout.put_manifest(chart.repository, empty, tag=chart.tag)
        held = (*(each for each in found.held if each != chart), chart._replace(digest=empty.digest))
        return found._replace(held=held)

    del host
    _list(layout, change)


def chart_whose_sbom_was_taken_away(layout: Layout, host: str) -> None:
    """Exchange the chart, and take away what says what it is."""
    exchanged_chart(layout, host)
    document = json.loads((layout.path / "index.json").read_text())
    document["manifests"] = [each for each in document["manifests"] if each.get("artifactType") != SBOM]
    (layout.path / "index.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (exchanged_chart, "the chart .*web:1.2.0 differs from the release"),
        (chart_beside_the_right_one, "the chart .*web:1.2.0 differs from the release"),
        (chart_without_bytes, "the chart .*web:1.2.0 differs from the release"),
        (chart_whose_sbom_was_taken_away, "eks@1.0.1 has no signed SBOM"),
        (added_image, "holds the image localhost:5000/x:1, which none of its recipes uses"),
        (added_chart, "holds the chart .*evil:1, which none of its recipes uses"),
        (hushed_up_image, "lacks the image .*team/app:1"),
        (lost("recipes"), "lacks recipes/eks:1.0.1"),
        (lost("helm"), "lacks helm/eks:1.0.1"),
        (lost("flux"), "lacks flux/eks:1.0.1"),
    ],
)
def test_an_archive_in_which_something_was_exchanged_added_or_lost_is_not_loaded(
    side: Side, archive: Path, tmp_path: Path, change: Callable[[Layout, str], None], says: str
) -> None:
    unpack_file(archive, tmp_path / "m", limits=Limits())
    change(Layout(tmp_path / "m"), side.host)
    target = Base(Layout(tmp_path / "far", create=True), "")
    with pytest.raises(ClusterbookError, match=says):
        carried(side, tmp_path / "m", target)
    assert Layout(tmp_path / "far").roots() == []  # nothing was sent


def test_an_archive_without_any_chart_or_image_says_so(call: Call, side: Side) -> None:
    assert call("save", "eks", "--from", str(side.layout), "-o", "m.tar", "--no-charts", "--no-images")[0] == 0
    _, _, said = call("load", "m.tar", "--to", "oci-layout:far")
    assert "m.tar has none of the 1 charts that its recipes use" in said
    assert "m.tar has none of the 2 images that its recipes use" in said


def test_an_older_sbom_that_pins_less_does_not_stand_in_for_that_of_the_release(side: Side, tmp_path: Path) -> None:
    """Sign an SBOM without digests in the name of an earlier release, and take the newer one away."""
    shutil.copytree(side.layout, tmp_path / "copy")
    layout, opened = Layout(tmp_path / "copy"), side.opened()
    version, entry = index.choose("eks", opened.recipe("eks"), "")
    recipe = opened.artifact("recipes/eks", entry.artifacts["recipe"])
    (bill,) = layout.referrers("recipes/eks", recipe.digest, SBOM)
    data = json.loads(layout.read("recipes/eks", bill.layers[0], limit_bytes=1 << 20))
    for each in data["components"]:
        each.pop("hashes", None)
    older = sbom_attachment(json.dumps(data).encode(), created="2026-03-01T00:00:00Z")
    made = older.manifest(recipe.descriptor)
    parameters = {"release": MARCH}
    said = statement(
        [Subject("recipes/eks", made.digest)],
        PROVENANCE,
        provenance(build_type="x", builder="x", parameters=parameters, materials=[]),
    )
    signature = signature_attachment(KeySigner.from_file(side.key.with_suffix(".key"), {}).sign(said), PROVENANCE)
    for about, attached in ((made, older), (signature.manifest(made.descriptor), signature)):
        layout.put_blob("recipes/eks", about.layers[0], from_bytes(attached.data))
        layout.put_manifest("recipes/eks", about)
    base = Base(layout, "")
    kept = recipe_pins(open_index(base, side.trusting, now=None, previous=None), "eks", version)
    assert set(kept.charts) == {"a", "b"}
    assert all(kept.charts.values())
    document = json.loads((layout.path / "index.json").read_text())
    document["manifests"] = [each for each in document["manifests"] if each["digest"] != bill.digest]
    (layout.path / "index.json").write_text(json.dumps(document))
    with pytest.raises(Unsigned, match=f"of release {re.escape(JULY)}"):
        recipe_pins(open_index(base, side.trusting, now=None, previous=None), "eks", version)


@pytest.mark.parametrize(
    ("data", "level"),
    [(b"charts/web:1.2.0", "derived"), (b"charts/web:1.2.0 with a privileged pod", "unknown"), (b"", "unknown")],
    ids=["of the release", "exchanged", "empty"],
)
def test_charts_that_travel_in_a_bundle_are_held_against_the_release(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, level: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    words = ["fetch", "recipe", "eks", "--from", str(side.layout), "--key", str(side.key), "-t", "json"]
    assert client.run([*words, "-o", str(tmp_path / "r.json")], {}) == 0
    charts = {name: VendoredChart("web-1.2.0.tgz", data, "helm") for name in "ab"}
    recipe = json.loads((tmp_path / "r.json").read_text())
    made = render(recipe, {"vendorCharts": True}, clusterbook.__version__, charts)
    write_folder(tmp_path / "b", made.files.items())
    around = Context({}, tmp_path, datetime.now(UTC))
    verdict = verify.verify(
        str(tmp_path / "b"), Verifier(PolicyChoice(keys=(str(side.key),)), Access(), around, str(side.layout))
    )
    assert verdict.trust.level == level
    if level == "derived":
        assert verdict.document["unpinned"] == []
    else:
        assert isinstance(verdict.error, Tampered)
        assert "charts/web-1.2.0.tgz" in verdict.error.what
    alone = verify.verify(str(tmp_path / "b"), Verifier(PolicyChoice(keys=(str(side.key),)), Access(), around))
    assert [each["component"] for each in alone.document["unpinned"]] == ["a", "b"]


def test_a_stranger_does_not_load(archive: Path, tmp_path: Path) -> None:
    pem = private_pem(ed25519.Ed25519PrivateKey.generate())
    (tmp_path / "other.pub").write_text(private_key(pem, "other").public().pem())
    with pytest.raises(WrongSigner):
        open_index(
            open_source(str(archive), Access()),
            TrustOptions(key_policy([tmp_path / "other.pub"])),
            now=None,
            previous=None,
        )


def test_what_is_no_archive_of_a_mirror_is_named(side: Side) -> None:
    with pytest.raises(NoArtifact, match="not a mirror archive"):
        contents(side.base)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"release": 1, "recipes": [], "held": [{}], "missing": []}'])
def test_a_damaged_list_is_named(raw: bytes) -> None:
    with pytest.raises(Malformed, match="its contents list is damaged"):
        mirror_archive.parse(raw, "m.tar")


DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    "part",
    [
        (CHART, "oci://x/y:1", "argocd-helm/eks", "1.0.1", DIGEST),
        (IMAGE, "docker.io/library/busybox:1", "recipes/eks", "1.0.1", DIGEST),
        (IMAGE, "docker.io/library/busybox:1", "images/docker.io/library/other", "1", DIGEST),
        (IMAGE, f"docker.io/busybox@sha256:{'1' * 64}", "images/docker.io/busybox", f"pinned-{'1' * 12}", DIGEST),
        (mirror_archive.ARTIFACT, "x", "index", "latest", DIGEST),
    ],
)
def test_a_list_puts_nothing_where_a_recipe_or_another_image_belongs(part: tuple[str, ...]) -> None:
    raw = mirror_archive.manifest(mirror_archive.ArchiveContents("r", (), (mirror_archive.ArchivePart(*part),), ()))[1][
        1
    ][1]
    with pytest.raises(Tampered, match="where it does not belong"):
        mirror_archive.parse(raw, "m.tar")


@pytest.mark.parametrize(
    "part",
    [
        (IMAGE, "../x:1", "images/x/x", "1", DIGEST),
        (IMAGE, "a\x1b[2J/x:1", "images/a/x", "1", DIGEST),
        (CHART, "oci://x/y:1", "charts/../recipes/eks", "1", DIGEST),
        (CHART, "oci://x/y:1", "charts/x/y", "../1", DIGEST),
    ],
)
def test_a_list_with_names_that_are_none_is_damaged(part: tuple[str, ...]) -> None:
    raw = mirror_archive.manifest(mirror_archive.ArchiveContents("r", (), (mirror_archive.ArchivePart(*part),), ()))[1][
        1
    ][1]
    with pytest.raises(Malformed, match="damaged"):
        mirror_archive.parse(raw, "m.tar")


def test_what_a_mirror_holds_besides_is_told_by_kind_and_missed(side: Side, archive: Path, tmp_path: Path) -> None:
    around = Context({}, tmp_path, datetime.now(UTC))
    verifier = Verifier(PolicyChoice(keys=(str(side.key),)), Access(), around)
    verdict = verify.verify(str(archive), verifier)
    assert verdict.document["besides"] == {"charts": 1, "images": 1, "list of a mirror's contents": 1}
    assert verdict.error is None


def test_the_far_side_learns_the_new_names(side: Side, archive: Path) -> None:
    found = contents(open_source(str(archive), Access()))
    moved = mirror_archive.relocation(found, "registry.corp/base")
    name = next(iter(moved["images"]))
    assert moved["images"][name].startswith("registry.corp/base/images/127")
    assert moved["images"][name].endswith(f"/team/app@{side.image}")
    assert next(iter(moved["charts"].values())).startswith("oci://registry.corp/base/charts/127")
    files = mirror_archive.hosts_files(found, "registry.corp", "base")
    assert json.dumps(files).count("/v2/base/images/127") == 1


def test_withdrawn_versions_are_not_saved(side: Side, tmp_path: Path) -> None:
    opened = side.opened()
    version, _ = index.choose("eks", opened.recipe("eks"), "")
    fact = IndexWithdrawal("eks", version, "broken", "")
    opened = opened._replace(envelope=opened.envelope._replace(withdrawn=(fact,)))
    with pytest.raises(WithdrawnVersion, match="broken"):
        save(opened, SaveRequest(["eks"]), tmp_path / "m.tar", Access(), silent)


@pytest.fixture
def call(side: Side, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return the client in an empty folder, believing the key of the release; gives status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def run(*words: str, key: bool = True) -> tuple[int, str, str]:
        status = client.run(["mirror", *words, *(("--key", str(side.key)) if key else ())], {})
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def _without_progress(said: str) -> list[str]:
    """Return the lines of standard error but those that tell how far it is, which a quick machine never gets to see."""
    return [line for line in said.splitlines() if not line.startswith("progress: ")]


def test_the_commands_carry_a_recipe_and_say_what_to_type_next(call: Call, side: Side) -> None:
    status, text, said = call("save", "eks", "--from", str(side.layout), "-o", "m.tar")
    assert (status, said.count("CB203 m.tar is not complete: 1 missing; the images of 1 component are not known")) == (
        10,
        1,
    )
    assert _without_progress(said)[0].startswith("error: CB203")
    assert text.startswith("m.tar: release 2026.7.0, 1 recipe with bundles, 1 chart, 1 image, ")
    assert f"missing: image {side.host}/team/gone:1: " in text
    with running(FakeRegistry(referrers=False)) as far:
        words = "--to", f"oci://{far.host}/base", "--relocation", "moved.yaml", "--containerd", "certs.d"
        status, text, said = call("load", "m.tar", *words)
        assert status == 0
        assert [line.partition(":")[2] for line in _without_progress(said)] == [
            f" m.tar is not complete: image {side.host}/team/gone:1 and 1 more are missing",
        ]
        assert text.endswith(f"deploy: CHART_MIRROR=oci://{far.host}/base bundle/deploy.sh\n")
    assert f"@{side.image}" in Path("moved.yaml").read_text()
    (hosts,) = Path("certs.d").glob("*/hosts.toml")
    assert f"/v2/base/images/127-0-0-1-{side.host.rpartition(':')[2]}" in hosts.read_text()


def test_the_commands_speak_json(call: Call, side: Side) -> None:
    status, text, _ = call("save", "aks", "--from", str(side.layout), "-o", "m.tar", "-t", "json", "--no-images")
    assert (status, json.loads(text)["recipes"]) == (0, ["aks@1.0.1"])
    status, text, _ = call("load", "m.tar", "--to", "oci-layout:far", "-t", "json")
    assert (status, json.loads(text)["newest"]) == (0, True)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["save", "eks", "-o", "m.tar"], 1, "--from is missing"),
        (["save", "eks", "--from", "{layout}"], 1, "--output is missing"),
        (["save", "eks", "--from", "{layout}", "-o", "m.zip"], 2, "m.zip is not a .tar file"),
        (["save", "eks", "--from", "{layout}", "-o", "m.tar", "-d", "helmm"], 2, "helm"),
        (["save", "ekz", "--from", "{layout}", "-o", "m.tar"], 3, "ekz"),
        (["save", "eks@9.9.9", "--from", "{layout}", "-o", "m.tar"], 3, "9.9.9"),
        (["save", "eks", "--from", "nowhere", "-o", "m.tar"], 3, "nowhere"),
        (["load", "nowhere.tar", "--to", "oci-layout:far"], 3, "nowhere.tar"),
        (["load", "{layout}"], 1, "--to is missing"),
        (["load", "{layout}", "--to", "oci-layout:far"], 3, "not a mirror archive"),
    ],
)
def test_what_is_asked_wrongly_is_named_and_nothing_is_written(
    call: Call, side: Side, tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    found, text, error = call(*(word.format(layout=side.layout) for word in words))
    assert (found, text) == (status, "")
    assert said in error
    assert not list(tmp_path.glob("m.*"))


def test_an_archive_that_nobody_believed_signed_is_not_loaded(call: Call, archive: Path, tmp_path: Path) -> None:
    status, _, said = call("load", str(archive), "--to", "oci-layout:far", key=False)
    assert status != 0
    assert "error: CB1" in said
    assert not (tmp_path / "far").exists()
