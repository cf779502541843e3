"""Trust roots: a newer one is taken when the one before vouches for it, and nothing else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.diagnostics.errors import InvalidRequest, NotFound, Unwritable
from clusterbook.diagnostics.transport import Unreachable
from clusterbook.oci.manifest import digest_of
from clusterbook.trust.choose_policy import PolicyChoice, trust_options
from clusterbook.trust.policy import Identity
from clusterbook.trust.roots import PUBLIC, UntrustedRepository, root_file, update
from clusterbook.trust.sigstore import BadTrustRoot
from tests.support import indexes
from tests.support.servers.sigstore import FakeSigstore
from tests.support.servers.site import Fault, Site, serving
from tests.support.servers.tufrepo import TufRepository


@pytest.fixture(scope="module")
def texts() -> tuple[bytes, bytes]:
    """Give two trust roots."""
    one, two = (json.dumps(FakeSigstore().trusted_root()).encode() for _ in range(2))
    return one, two


@pytest.fixture
def repository(tmp_path: Path, texts: tuple[bytes, bytes]) -> TufRepository:
    made = TufRepository(tmp_path / "repository")
    made.publish(texts[0])
    return made


@pytest.fixture
def site(repository: TufRepository) -> Iterator[Site]:
    with serving(Site(repository.folder)) as found:
        yield found


@pytest.fixture
def file(tmp_path: Path, site: Site) -> Path:
    return root_file({}, tmp_path / "home", site.address)


def beginning(repository: TufRepository) -> Path:
    return repository.folder / "1.root.json"


def test_a_newer_root_is_taken_and_kept(
    repository: TufRepository, site: Site, file: Path, texts: tuple[bytes, bytes]
) -> None:
    first = update(file, site.address, beginning(repository))
    assert (first.changed, first.digest, file.read_bytes()) == (True, digest_of(texts[0]), texts[0])
    assert not update(file, site.address).changed
    repository.publish(texts[1])
    second = update(file, site.address)
    assert (second.changed, second.digest, file.read_bytes()) == (True, digest_of(texts[1]), texts[1])


def test_the_key_of_the_repository_may_change_where_the_old_one_says_so(
    repository: TufRepository, site: Site, file: Path, texts: tuple[bytes, bytes]
) -> None:
    update(file, site.address, beginning(repository))
    eve = TufRepository(repository.folder)
    eve.version = 1
    eve.publish(texts[1])
    with pytest.raises(UntrustedRepository) as caught:
        update(file, site.address)
    assert caught.value.exit_status == 4
    assert file.read_bytes() == texts[0]


def test_an_older_repository_and_one_that_has_run_out_are_refused(
    repository: TufRepository, site: Site, file: Path, texts: tuple[bytes, bytes], tmp_path: Path
) -> None:
    shutil.copytree(repository.folder, tmp_path / "old")
    repository.publish(texts[1])
    update(file, site.address, beginning(repository))
    site.folder = tmp_path / "old"
    with pytest.raises(UntrustedRepository):
        update(file, site.address)
    site.folder = repository.folder
    repository.publish(texts[0], days=-1)
    with pytest.raises(UntrustedRepository):
        update(file, site.address)
    assert file.read_bytes() == texts[1]


def test_what_is_no_trust_root_is_not_kept(repository: TufRepository, site: Site, file: Path) -> None:
    repository.publish(b"{}")
    with pytest.raises(BadTrustRoot):
        update(file, site.address, beginning(repository))
    assert not file.exists()


def test_what_stands_in_the_way_is_named(repository: TufRepository, site: Site, file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no initial root") as caught:
        update(file, site.address)
    assert "--root" in caught.value.hint
    with pytest.raises(NotFound):
        update(file, site.address, tmp_path / "absent.json")
    with pytest.raises(InvalidRequest, match="not an https URL"):
        update(file, "http://example.org", beginning(repository))
    with pytest.raises(Unreachable, match="cannot be reached"):
        update(file, "http://127.0.0.1:9", beginning(repository))
    site.faults.append(Fault("timestamp.json", status=403))
    with pytest.raises(Unreachable, match="returned status 403"):
        update(file, site.address, beginning(repository))
    (tmp_path / "in-the-way").write_text("")
    with pytest.raises(Unwritable):
        update(tmp_path / "in-the-way" / "root.json", site.address, beginning(repository))


def test_the_command_says_where_the_root_is(repository: TufRepository, site: Site, tmp_path: Path) -> None:
    words = ["trust", "update", "--url", site.address, "--root", str(beginning(repository))]
    said = indexes.run(*words, HOME=str(tmp_path))
    assert (said.status, "--trust-root" in said.out) == (0, True), said.err
    again = json.loads(indexes.run(*words, "-t", "json", HOME=str(tmp_path)).out)
    assert (again["changed"], again["digest"][:7]) == (False, "sha256:")
    assert Path(again["file"]).is_file()


def test_the_updated_public_root_is_believed_instead_of_the_one_that_came_along(
    tmp_path: Path, texts: tuple[bytes, bytes]
) -> None:
    before = trust_options(PolicyChoice(), {}, tmp_path).policy
    kept = root_file({}, tmp_path)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(texts[0])
    after = trust_options(PolicyChoice(roots=("own.json",)), {}, tmp_path).policy
    assert before is not None
    assert after is not None
    assert [each.root for each in before.identities] == [""]
    assert [each.root for each in after.identities] == [str(kept), "own.json"]
    assert isinstance(after.signers[0], Identity)
    assert "sigstore.dev" in str(kept)
    assert PUBLIC.startswith("https://")
