"""`--source oci://…` and `--data oci://…`: what lies in a registry answers as what lies here, once it is believed."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest

from clusterbook.artifacts.attachment import signature_attachment
from clusterbook.artifacts.layout import VERSION, Artifact
from clusterbook.artifacts.push import push
from clusterbook.catalog.load import load_catalog
from clusterbook.catalog.read import tree_from_texts
from clusterbook.cli import main
from clusterbook.documents.yaml_writer import dump
from clusterbook.files import archive
from clusterbook.files.write import write_folder
from clusterbook.lookup.build import index_parts
from clusterbook.oci.manifest import EMPTY_BLOB, EMPTY_CONFIG, artifact, describe_file
from clusterbook.oci.open import Base
from clusterbook.oci.registry import Registry
from clusterbook.publish.release import PublishRequest, prepare
from clusterbook.resolve import matrix
from clusterbook.trust.sign import Signer
from clusterbook.trust.statement import PROVENANCE, Subject, provenance, statement
from tests.support import clusters, indexes, publications, trees
from tests.support.indexes import Said
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.registry import FakeRegistry, Fault, running

Client = Callable[..., Said]
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
PRIVATE = {
    "registry.yaml": "apiVersion: clusterbook.dev/v1alpha1\nkind: ComponentRegistry\ncomponents: []\n",
    "mine": "{base: eks-training, criteria: {service: eks, intent: training, platform: kubeflow}}",
}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with running(FakeRegistry()) as server:
        yield server


@pytest.fixture
def client(
    tmp_path: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Client:
    """Give somebody at a command line who has a home of his own, and believes our publisher unless told otherwise."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words: str, believe: str = "key") -> Said:
        trust = {"key": ("--key", str(publisher.key)), "nobody": ("--allow-unsigned",), "": ()}[believe]
        capsys.readouterr()
        status = main.run([*words, *trust], dict(os.environ))
        return Said(status, *capsys.readouterr())

    return call


def tree_bytes(files: Mapping[str, str], *, top: str = "") -> bytes:
    return archive.pack_bytes({f"{top}{path}": text.encode() for path, text in trees.texts(files).items()})


def put(
    server: FakeRegistry,
    data: bytes,
    *,
    repository: str = "acme/tree",
    tag: str = "1.0.0",
    signer: Signer | None = None,
    version: str = "",
    name: str = "",
) -> str:
    """Push an artifact of one archive; return its digest."""
    layer = describe_file(LAYER, data, "tree.tgz")
    manifest = artifact("application/vnd.acme.tree", [layer], annotations={VERSION: version} if version else {})
    found = Artifact(repository, tag, manifest, ((EMPTY_CONFIG, EMPTY_BLOB), (layer, data)))
    attached = []
    if signer is not None:
        about = provenance(
            build_type="https://acme.example/tree/v1", builder="https://acme.example", parameters={}, materials=[]
        )
        said = statement([Subject(name or repository, manifest.digest)], PROVENANCE, about)
        attached = [signature_attachment(signer.sign(said), PROVENANCE)]
    push(Registry(server.host, plain_http=True), found, attached)
    return manifest.digest


def rows(said: Said) -> object:
    assert said.status == 0, said.err
    return json.loads(said.out)


# --- trees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top", ["", "recipes/"])
@pytest.mark.parametrize("pinned", [True, False])
def test_a_tree_in_a_registry_is_the_tree_in_a_folder(
    client: Client, registry: FakeRegistry, publisher: Publisher, tmp_path: Path, top: str, pinned: bool
) -> None:
    index = str(indexes.write_index(tmp_path))
    for path, text in trees.texts(PRIVATE).items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    digest = put(registry, tree_bytes(PRIVATE, top=top), signer=publisher.signer)
    where = f"oci://{registry.host}/acme/tree{f'@{digest}' if pinned else ':1.0.0'}"
    for words in (("recipe", "mine", "-t", "json"), ("list", "-t", "json"), ("query", "mine", "components.a.version")):
        here = client(*words, "--source", index, "--data", "tree", believe="")
        there = client(*words, "--source", index, "--data", where, "--plain-http")
        assert (there.status, there.out) == (0, here.out), there.err
        assert f"note: {where} is {digest}, signed by {publisher.key}" in there.err
    explained = client("explain", "mine", "components.a", "--source", index, "--data", where, "--plain-http")
    assert explained.status == 0, explained.err
    bundled = client("bundle", "mine", "--source", index, "--data", where, "--plain-http", "-o", "out")
    assert bundled.status == 0, bundled.err
    assert (tmp_path / "out" / "deploy.sh").is_file()


@pytest.mark.parametrize("name", ["ours", ".", "./ours"])
def test_a_folder_is_taken_as_tar_and_tools_of_registries_pack_it(
    client: Client, registry: FakeRegistry, publisher: Publisher, tmp_path: Path, name: str
) -> None:
    for path, text in trees.texts(indexes.FILES).items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(tmp_path / "tree", arcname=name)  # folders have entries of their own
    digest = put(registry, packed.getvalue(), signer=publisher.signer)
    where = f"oci://{registry.host}/acme/tree@{digest}"
    assert client("query", "eks", "components.a.version", "--source", where, "--plain-http").out == "1.0.0\n"


def test_a_whole_tree_is_a_source_and_can_stand_alone(
    client: Client, registry: FakeRegistry, publisher: Publisher
) -> None:
    digest = put(registry, tree_bytes(indexes.FILES), signer=publisher.signer)
    where = f"oci://{registry.host}/acme/tree@{digest}"
    names = [line["name"] for line in rows(client("list", "-t", "json", "--source", where, "--plain-http"))]  # type: ignore[attr-defined]
    assert "h100-eks-training" in names
    alone = client("list", "-t", "json", "--data", where, "--external-only", "--plain-http")
    assert [line["name"] for line in rows(alone)] == names  # type: ignore[attr-defined]


def test_an_index_in_a_registry_is_an_index(client: Client, registry: FakeRegistry, publisher: Publisher) -> None:
    parts = dict(index_parts(trees.build(indexes.FILES)))
    digest = put(registry, archive.pack_bytes(parts), signer=publisher.signer)
    where = f"oci://{registry.host}/acme/tree@{digest}"
    assert client("query", "eks", "components.a.version", "--source", where, "--plain-http").out == "1.0.0\n"


def test_a_configuration_names_one_too(
    client: Client, registry: FakeRegistry, publisher: Publisher, tmp_path: Path
) -> None:
    digest = put(registry, tree_bytes(indexes.FILES), signer=publisher.signer)
    source = f"oci://{registry.host}/acme/tree@{digest}"
    config = f"kind: ClusterbookConfig\nspec: {{recipe: {{source: '{source}', criteria: {{service: eks}}}}}}\n"
    (tmp_path / "config.yaml").write_text(config)
    said = client("recipe", "--config", "config.yaml", "--plain-http", "-t", "json")
    assert rows(said)["metadata"]["slug"] == "eks"  # type: ignore[index]


@pytest.mark.parametrize("believe", ["", "key"])
def test_what_nobody_signed_is_refused(client: Client, registry: FakeRegistry, believe: str) -> None:
    digest = put(registry, tree_bytes(indexes.FILES))
    where = f"oci://{registry.host}/acme/tree@{digest}"
    for flag in ("--source", "--data"):
        said = client("list", flag, where, "--plain-http", believe=believe)
        assert (said.status, said.out) == (4, ""), said.err
        assert not Path(os.environ["HOME"], ".cache").exists()


def test_what_nobody_signed_is_taken_by_its_digest_alone(client: Client, registry: FakeRegistry) -> None:
    digest = put(registry, tree_bytes(indexes.FILES))
    base = f"oci://{registry.host}/acme/tree"
    for flag in ("--source", "--data"):
        said = client("list", flag, f"{base}:1.0.0", "--plain-http", believe="nobody")
        assert (said.status, said.out) == (2, "")
        assert "is not signed, and a tag can move" in said.err
        assert f"{base}@{digest}" in said.err
    said = client("list", "--source", f"{base}@{digest}", "--plain-http", believe="nobody")
    assert said.status == 0
    assert "not signed" in said.err


def test_a_signature_of_somebody_else_stays_wrong(client: Client, registry: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = publications.publisher(tmp_path / "stranger")
    digest = put(registry, tree_bytes(indexes.FILES), signer=stranger.signer)
    for believe in ("key", "nobody"):
        where = f"oci://{registry.host}/acme/tree@{digest}"
        assert client("list", "--source", where, "--plain-http", believe=believe).status == 4


@pytest.mark.parametrize(
    ("name", "version", "what"),
    [("acme/other", "", "signed under another name"), ("", "0.9.0", "the tag was moved")],
)
def test_a_tag_that_was_moved_is_noticed(
    client: Client, registry: FakeRegistry, publisher: Publisher, name: str, version: str, what: str
) -> None:
    data = tree_bytes(indexes.FILES)
    digest = put(registry, data, signer=publisher.signer, name=name, version=version)
    base = f"oci://{registry.host}/acme/tree"
    said = client("list", "--source", f"{base}:1.0.0", "--plain-http")
    assert said.status == 4
    assert what in said.err
    assert client("list", "--source", f"{base}@{digest}", "--plain-http").status == 0


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["readme.md"], "has no registry.yaml"),
        (["recipes/registry.yaml", "other/x.yaml"], "has no registry.yaml"),
        (["registry.yaml", "../x.yaml"], "not a plain relative path"),
        (["registry.yaml", "/etc/x.yaml"], "not a plain relative path"),
        (["registry.yaml", "Registry.yaml"], "in the way of"),
    ],
)
def test_what_is_no_tree_is_refused(
    client: Client, registry: FakeRegistry, publisher: Publisher, names: list[str], what: str
) -> None:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    digest = put(registry, packed.getvalue(), signer=publisher.signer)
    said = client("list", "--source", f"oci://{registry.host}/acme/tree@{digest}", "--plain-http")
    assert (said.status != 0, said.out) == (True, "")
    assert what in said.err
    assert not Path(os.environ["HOME"], ".cache").exists()


def test_bytes_that_are_not_those_of_the_digest_are_refused(
    client: Client, registry: FakeRegistry, publisher: Publisher
) -> None:
    digest = put(registry, tree_bytes(indexes.FILES), signer=publisher.signer)
    where = f"oci://{registry.host}/acme/tree@{digest}"
    for path in ("/manifests/sha256:", "/blobs/"):
        registry.faults.append(Fault("GET", path, times=9, wrong=True))
        assert client("list", "--source", where, "--plain-http").status not in (0, 2)
        registry.faults.clear()


def test_what_was_kept_is_written_anew_where_somebody_changed_it(
    client: Client, registry: FakeRegistry, publisher: Publisher
) -> None:
    digest = put(registry, tree_bytes(indexes.FILES), signer=publisher.signer)
    words = (
        "query",
        "eks",
        "components.a.version",
        "--plain-http",
        "--source",
        f"oci://{registry.host}/acme/tree@{digest}",
    )
    assert client(*words).out == "1.0.0\n"
    folder = Path(os.environ["HOME"], ".cache/clusterbook/trees", digest.removeprefix("sha256:"))
    kept = (folder / "registry.yaml").stat().st_mtime_ns
    assert client(*words).out == "1.0.0\n"
    assert (folder / "registry.yaml").stat().st_mtime_ns == kept

    def edit() -> None:
        text = (folder / "registry.yaml").read_text()
        (folder / "registry.yaml").write_text(text.replace("1.0.0", "6.6.6"))

    def add() -> None:
        (folder / "overlays" / "evil.yaml").write_text("kind: RecipeMetadata")

    def link() -> None:
        (folder / "overlays" / "eks.yaml").unlink()
        (folder / "overlays" / "eks.yaml").symlink_to("/etc/passwd")

    def remove() -> None:
        shutil.rmtree(folder / "overlays")

    for change in (edit, add, link, remove):
        change()
        assert client(*words).out == "1.0.0\n"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


# --- a published catalog ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stock(publisher: Publisher) -> FakeRegistry:
    """Give a registry to which both releases were published; nobody changes it."""
    with running(FakeRegistry()) as server:
        for release in (MARCH, JULY):
            publisher.publish(Base(Registry(server.host, plain_http=True), "acme/catalog"), release)
    return server


@pytest.fixture
def published(registry: FakeRegistry, stock: FakeRegistry) -> str:
    """Give the base of a catalog with both releases."""
    registry.blobs |= stock.blobs
    registry.manifests |= stock.manifests
    registry.tags |= stock.tags
    return f"oci://{registry.host}/acme/catalog"


def test_a_published_catalog_answers_by_criteria_and_by_name(
    client: Client, published: str, publisher: Publisher
) -> None:
    for words in (("eks",), ("--service", "eks")):
        said = client("recipe", *words, "--source", published, "--plain-http", "-t", "json")
        recipe = rows(said)
        assert (recipe["metadata"]["slug"], recipe["metadata"]["version"]) == ("eks", "1.1.0")  # type: ignore[index]
        assert f"{published} is of release {JULY}, signed by {publisher.key}" in said.err
    assert client("query", "eks", "components.b.values.size", "--source", published, "--plain-http").out == "2\n"
    assert client("query", "ekss", "components", "--source", published, "--plain-http").status == 3
    narrow = ("recipe", "--service", "eks", "--intent", "training", "--source", published, "--plain-http")
    assert client(*narrow).status == 2
    assert client(*narrow, "--allow-inherited").status == 0


def test_a_bundle_of_it_is_that_of_the_fetched_recipe(client: Client, published: str, tmp_path: Path) -> None:
    assert client("fetch", "recipe", "eks", "--from", published, "--plain-http", "-o", "eks.yaml").status == 0
    assert client("bundle", "-r", "eks.yaml", "-o", "one", believe="").status == 0
    assert client("bundle", "eks", "--source", published, "--plain-http", "-o", "two").status == 0
    one, two = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two


def test_it_completes_a_recipe_that_lacks_what_bundles_need(client: Client, published: str, tmp_path: Path) -> None:
    said = client("recipe", "eks", "--source", str(indexes.write_index(tmp_path)), "-o", "mine.yaml", believe="")
    assert said.status == 0, said.err
    said = client("bundle", "-r", "mine.yaml", "--source", published, "--plain-http", "-o", "out")
    assert said.status == 0, said.err
    assert (tmp_path / "out" / "deploy.sh").is_file()


def test_its_memory_is_that_of_fetch(client: Client, registry: FakeRegistry, published: str) -> None:
    """Whoever saw July by a look-up is not shown March by a fetch, nor the other way round."""
    latest = ("acme/catalog/index", "latest")
    march, july = (registry.tags["acme/catalog/index", release] for release in (MARCH, JULY))
    assert registry.tags[latest] == july
    look_up = ("query", "eks", "components.b.version", "--source", published, "--plain-http")
    fetched = ("fetch", "recipe", "eks", "--from", published, "--plain-http")
    assert client(*look_up).status == 0
    registry.tags[latest] = march
    for words in (fetched, look_up):
        said = client(*words)
        assert said.status == 4
        assert "CB175" in said.err


def test_a_catalog_that_nobody_signed_takes_a_word(
    client: Client, registry: FakeRegistry, publisher: Publisher
) -> None:
    publisher.publish(Base(Registry(registry.host, plain_http=True), "acme/open"), unsigned=True)
    words = ("query", "eks", "components.b.version", "--source", f"oci://{registry.host}/acme/open", "--plain-http")
    assert client(*words).status == 4
    said = client(*words, believe="nobody")
    assert said.status == 0
    assert "not signed" in said.err
    assert client(*words, "--at-least", "2099.1.0", believe="nobody").status == 4


@pytest.fixture
def here(tmp_path: Path, publisher: Publisher) -> str:
    """Give the index of the sources that July was made of, with a tree and a snapshot beside it."""
    july = prepare(PublishRequest(JULY, publisher.checkout / "recipes", publisher.checkout / "registry"))
    texts = json.loads(july.parts["sources"])
    built = matrix.whole(load_catalog(tree_from_texts(texts, label="recipes")))
    write_folder(tmp_path / "july", list(index_parts(built)), marker="index.json")
    (tmp_path / "cluster.yaml").write_text(dump(clusters.FILES["h100-eks"]))
    mine = {**PRIVATE, "mine": "{base: eks, criteria: {service: eks, intent: training}}"}
    for path, text in trees.texts(mine).items():
        (tmp_path / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / path).write_text(text)
    return str(tmp_path / "july")


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("list", "--all", "-t", "json"),
        ("list", "--service", "eks"),
        ("query", "eks", "components.b.values.size"),
        ("recipe", "mine", "--data", "tree"),
        ("list", "--data", "tree"),
        ("recipe", "-s", "cluster.yaml", "--accelerator", "any", "--os", "any"),
        ("recipe", "eks", "--kind", "criteria", "--api-version", "aicr.run/v1"),
        ("fit", "cluster.yaml"),
        ("fit", "cluster.yaml", "--all", "-t", "json"),
    ],
)
def test_a_published_catalog_serves_all_that_one_on_disk_does(
    client: Client, published: str, here: str, words: tuple[str, ...]
) -> None:
    local = client(*words, "--source", here, believe="")
    remote = client(*words, "--source", published, "--plain-http")
    assert (remote.status, without_time(remote.out)) == (local.status, without_time(local.out)), remote.err
    assert f"{published} is of release {JULY}, signed by" in remote.err or words[0] == "diff"


def without_time(text: str) -> str:
    """Return a report without when it was made, how long it took, and what publishing adds to the recipe it is of."""
    return re.sub(r'("?(start|stop|created|timestamp|duration|version|digest)"?: ).*', r"\1", text)


def test_one_that_was_published_before_says_what_it_lacks(
    client: Client, registry: FakeRegistry, publisher: Publisher
) -> None:
    base = Base(Registry(registry.host, plain_http=True), "acme/old")
    publisher.publish(base, change=lambda found: dataclasses.replace(found, parts={}))
    where = f"oci://{registry.host}/acme/old"
    assert client("query", "eks", "components.b.values.size", "--source", where, "--plain-http").out == "2\n"
    Path("cluster.yaml").write_text(dump(clusters.FILES["h100-eks"]))
    for words in (("list",), ("recipe", "eks", "-s", "cluster.yaml")):
        said = client(*words, "--source", where, "--plain-http")
        assert (said.status, said.out) == (2, ""), said.err
        assert "is a published catalog" in said.err


def test_a_part_that_somebody_changed_is_refused(client: Client, registry: FakeRegistry, published: str) -> None:
    assert client("list", "--source", published, "--plain-http").status == 0
    for key, data in list(registry.blobs.items()):
        if data.startswith((b'[{"criteria"', b'{"checks/')) or b'"overlays/base.yaml"' in data:
            registry.blobs[key] = data.replace(b"eks", b"xks")
    for words in (("list",), ("recipe", "eks", "-s", "cluster.yaml")):
        Path("cluster.yaml").write_text(dump(clusters.FILES["h100-eks"]))
        said = client(*words, "--source", published, "--plain-http")
        assert (said.status, said.out) == (4, ""), said.err


def test_a_withdrawn_recipe_is_served_by_no_question(client: Client, registry: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    mine = publications.publisher(tmp_path / "theirs")
    mine.withdraw("eks", "1.1.0", "eks@1.0.0")
    mine.publish(Base(Registry(registry.host, plain_http=True), "acme/withdrawn"))
    where = ("--source", f"oci://{registry.host}/acme/withdrawn", "--plain-http", "--key", str(mine.key))
    (tmp_path / "cluster.yaml").write_text(dump(clusters.FILES["h100-eks"]))
    for words, column in ((("list", "--all"), "slug"), (("fit", "cluster.yaml", "--all"), "recipe")):
        said = client(*words, "-t", "json", *where, believe="")
        names = [line[column] for line in rows(said)]  # type: ignore[attr-defined]
        assert "base" in names
        assert "eks" not in names
        assert "it burns" in said.err or words[0] == "fit"
    snapshot = ("-s", "cluster.yaml", "--accelerator", "any", "--os", "any")
    for words in (("recipe", "eks"), ("recipe", "--service", "eks", *snapshot), ("explain", "eks", "components")):
        said = client(*words, *where, believe="")
        assert (said.status, said.out) == (2, ""), (words, said.err)
        assert "it burns" in said.err


def test_a_published_catalog_is_no_tree(client: Client, published: str) -> None:
    said = client("recipe", "eks", "--external-only", "--data", published, "--plain-http")
    assert (said.status, said.out) == (2, ""), said.err
    assert f"--source {published}" in said.err


def test_a_tree_in_a_registry_is_checked(client: Client, registry: FakeRegistry, publisher: Publisher) -> None:
    broken = {**PRIVATE, "mine": "{base: eks-trainin, criteria: {service: eks, intent: training}}"}
    digest = put(registry, tree_bytes(broken), signer=publisher.signer)
    where = f"oci://{registry.host}/acme/tree@{digest}"
    for alone in ((), ("--external-only",)):
        said = client("check", "--data", where, *alone, "--plain-http")
        assert said.status == 10, said.err
        assert "CB020" in said.out
        assert client("check", "--data", where, *alone, "--plain-http", believe="").status == 4
