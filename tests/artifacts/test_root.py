"""Roots of trust: the guide's commands, typed; what clients follow, what they refuse, and what they keep.

Attack: TUF, sections 1.5.2 and 5.3 (key compromise, rollback of roots, freeze); python-tuf's tests of root updates.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from clusterbook.artifacts.freshness import Rollback
from clusterbook.artifacts.push import push
from clusterbook.artifacts.root import ROOT, root_artifact, root_versions
from clusterbook.cli import build_main, main
from clusterbook.diagnostics.errors import BrokenIndex, ClusterbookError
from clusterbook.oci.layout.folder import Layout
from clusterbook.oci.open import Access, Base, open_source
from clusterbook.trust.keys import PublicKey, private_key
from clusterbook.trust.policy import Policy, WrongSigner
from clusterbook.trust.root_store import root_store
from clusterbook.trust.sign import KeySigner
from clusterbook.trust.tuf_root import (
    BadTufRoot,
    ExpiredTufRoot,
    RootChange,
    UntrustedRoot,
    change_root,
    new_root,
    read_root,
    sign_root,
)
from clusterbook.trust.verify import key_policy
from tests.support import publications
from tests.support.fetchers import NOW, Client
from tests.support.publications import JULY, MARCH, Publisher
from tests.support.servers.certificates import private_pem

GUIDE = (Path(__file__).parents[2] / "site/docs/guide/keys.md").read_text(encoding="utf-8")
CHAPTERS = {
    title: [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    for title, text in re.findall(r"\n## (.*?)\n(.*?)(?=\n## |\Z)", GUIDE, re.DOTALL)
}
BEGIN, LOST, STOLEN, ROOT_KEY = (title for title in CHAPTERS if CHAPTERS[title])
LATER = NOW + timedelta(days=300)


def generate(folder: Path, name: str) -> None:
    made = ed25519.Ed25519PrivateKey.generate() if name < "e" else ec.generate_private_key(ec.SECP256R1())
    pem = private_pem(made)
    (folder / f"{name}.key").write_bytes(pem)
    (folder / f"{name}.pub").write_text(private_key(pem, name).public().pem())


def run(words: list[str], home: Path) -> int:
    """Return how the command of users ends, for somebody with a home of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        return main.run(words, os.environ)


class Team:
    """Those who publish, by what the guide says; each chapter is typed once."""

    def __init__(self, folder: Path, publisher: Publisher) -> None:
        self.folder, self.publisher = folder, publisher
        for name in ("ann", "ben", "eve", "fay", "release", "second"):
            generate(folder, name)
        self.layout = folder / "published"

    def type(self, line: str, home: Path) -> int:
        """Run a line of the guide; the registry is a layout here."""
        line = line.replace("--to oci://HOST/BASE", "--to oci-layout:published")
        line = line.replace("oci://HOST/BASE", "published")
        program, *words = shlex.split(line)
        if program == "clusterbook-build":
            tree = self.publisher.checkout
            lasting = ["--lifetime", "3660", "--recipes", str(tree / "recipes"), "--registry", str(tree / "registry")]
            return build_main.run([*words, *(lasting if words[0] == "publish" else [])])
        return run(words, home)

    def chapter(self, title: str, home: Path) -> None:
        """Type a chapter of the guide."""
        for line in CHAPTERS[title]:
            assert self.type(line, home) == 0, line

    def release(self, base: Base, name: str, key: str, root: int) -> None:
        """Publish a release that is good for a lifetime, with the versions of the root up to one."""
        self.publisher.publish(
            base, name, signer=self.signer(key), policy=Policy((read_root(self.root(root), "root"),))
        )

    def signer(self, name: str) -> KeySigner:
        return KeySigner.from_file(self.folder / f"{name}.key", {})

    def root(self, version: int) -> bytes:
        return (self.folder / f"{version}.root.json").read_bytes()

    def publish_root(self, base: Base, version: int, data: bytes | None = None) -> None:
        push(base.store, root_artifact(version, data or self.root(version)), [])


@pytest.fixture
def team(tmp_path: Path, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Team:
    folder = tmp_path / "team"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Team(folder, publisher)


@pytest.fixture
def user(tmp_path: Path, publisher: Publisher) -> Client:
    return Client(tmp_path / "user", publisher)


def public(team: Team, name: str) -> PublicKey:
    return private_key((team.folder / f"{name}.key").read_bytes(), name).public()


def test_the_guide_is_typed_from_its_beginning_to_its_end(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    team.chapter(BEGIN, home)
    assert "2026.7.0" in capsys.readouterr().out
    fetch = ["fetch", "bundle", "eks", "--from", "published", "--tuf-root", "1.root.json"]
    assert run([*fetch, "-o", "first"], home) == 0
    verify = ["verify", "--tuf-root", "1.root.json"]

    team.chapter(LOST, home)
    assert run([*fetch, "-o", "second"], home) == 0
    for bundle in ("first", "second"):
        assert run([*verify, bundle], home) == 0

    team.chapter(STOLEN, home)
    assert run([*fetch, "-o", "third"], home) == 0
    assert run([*verify, "third"], home) == 0
    assert run([*verify, "first"], home) == 4
    assert "CB166" in capsys.readouterr().err
    assert run([*verify, "first"], tmp_path / "stranger") == 0  # who has seen version 1 alone
    assert run([*verify, "first", "--from", "published"], tmp_path / "stranger") == 4

    team.chapter(ROOT_KEY, home)
    assert run(["trust", "show", *fetch[3:], "-t", "json"], home) == 0
    (root,) = json.loads(capsys.readouterr().out.rpartition("\n{")[2].join(["{", ""]))["roots"]
    assert (root["version"], root["threshold"], len(root["rootKeys"]), len(root["releaseKeys"])) == (4, 2, 3, 1)
    assert root_versions(open_source("published", Access())) == [1, 2, 3, 4]


@pytest.fixture
def base(team: Team) -> Base:
    """Give a layout in which March is published with the first root."""
    for line in CHAPTERS[BEGIN][:3]:
        assert team.type(line, team.folder) == 0
    found = publications.layout(team.layout)
    team.release(found, MARCH, "release", 1)
    team.publish_root(found, 1)
    return found


def make(team: Team, version: int, change: RootChange, *names: str, expires: timedelta = timedelta(days=9999)) -> bytes:
    """Return the version after one, signed by some, and write it."""
    before = team.root(version)
    data = change_root(before, "root", change, NOW + expires)
    for name in names:
        data = sign_root(data, "root", private_key((team.folder / f"{name}.key").read_bytes(), name), before)
    (team.folder / f"{version + 1}.root.json").write_bytes(data)
    return data


def revoked(team: Team) -> RootChange:
    return RootChange(add_release=(public(team, "second"),), remove_release=(public(team, "release"),))


def first(team: Team) -> Path:
    return team.folder / "1.root.json"


def test_what_a_stolen_key_signs_is_refused_once_the_root_says_so(team: Team, base: Base, user: Client) -> None:
    user("index", from_=team.layout, tuf_root=first(team))
    team.publish_root(base, 2, make(team, 1, revoked(team), "ann", "ben"))
    with pytest.raises(WrongSigner):
        user("index", from_=team.layout, tuf_root=first(team))
    shutil.rmtree(team.layout)
    team.release(publications.layout(team.layout), JULY, "second", 2)
    assert user("index", from_=team.layout, tuf_root=first(team)).text  # without roots in it: what was seen stays
    thief = publications.layout(team.folder / "thief")
    team.publisher.publish(thief, JULY, signer=team.signer("release"), policy=key_policy([team.folder / "release.pub"]))
    with pytest.raises(WrongSigner):
        user("index", from_=team.folder / "thief", tuf_root=first(team))


@pytest.mark.usefixtures("base")
def test_fast_forward_a_thiefs_huge_number_ends_with_his_key(team: Team, user: Client) -> None:
    thief = team.folder / "thief"
    believed = key_policy([team.folder / "release.pub"])
    team.publisher.publish(publications.layout(thief), JULY, signer=team.signer("release"), policy=believed)
    user("index", from_=thief, tuf_root=first(team))
    with pytest.raises(Rollback):  # March has a lower number
        user("index", from_=team.layout, tuf_root=first(team))
    make(team, 1, revoked(team), "ann", "eve")
    shutil.rmtree(team.layout)
    fresh = publications.layout(team.layout)
    team.release(fresh, MARCH, "second", 2)
    team.publish_root(fresh, 2)
    assert user("index", from_=team.layout, tuf_root=first(team)).text


def test_memory_stays_where_a_key_was_lost_and_another_took_its_place(team: Team, base: Base, user: Client) -> None:
    shutil.copytree(team.layout, team.folder / "march")
    make(team, 1, RootChange(add_release=(public(team, "second"),)), "ann", "ben")
    team.publish_root(base, 2)
    team.release(base, JULY, "second", 2)
    user("index", from_=team.layout, tuf_root=first(team))
    shutil.rmtree(team.layout)
    (team.folder / "march").rename(team.layout)
    with pytest.raises(Rollback):
        user("index", from_=team.layout, tuf_root=first(team))


def test_an_older_mirror_that_another_key_of_the_root_signed_is_refused(team: Team, base: Base, user: Client) -> None:
    shutil.copytree(team.layout, team.folder / "march")
    make(team, 1, RootChange(add_release=(public(team, "second"),)), "ann", "ben")
    team.publish_root(base, 2)
    team.release(base, JULY, "second", 2)
    july = publications.layout(team.folder / "july")  # signed by the second key alone
    team.release(july, JULY, "second", 2)
    team.publish_root(july, 2)
    user("index", from_=team.folder / "july", tuf_root=first(team))
    with pytest.raises(Rollback):
        user("index", from_=team.folder / "march", tuf_root=first(team))


def forged_by_one(team: Team) -> bytes:
    return make(team, 1, revoked(team), "ann")


def forged_by_strangers(team: Team) -> bytes:
    """Sign with enough keys of its own, and none of the version before."""
    keys = [public(team, name) for name in ("fay", "second")]
    made = json.loads(new_root(keys, 2, [public(team, "second")], NOW + timedelta(days=9)))
    made["signed"]["version"] = 2
    data = json.dumps(made).encode()
    for name in ("fay", "second"):
        data = sign_root(data, "root", private_key((team.folder / f"{name}.key").read_bytes(), name))
    return data


def not_by_its_own(team: Team) -> bytes:
    """Sign with enough keys of the version before, and none of its own."""
    change = RootChange(
        add_root=(public(team, "fay"), public(team, "second")),
        remove_root=(public(team, "ann"), public(team, "ben"), public(team, "eve")),
    )
    return make(team, 1, change, "ann", "ben")


def edited(team: Team) -> bytes:
    made = json.loads(make(team, 1, RootChange(), "ann", "ben"))
    made["signed"]["expires"] = "2039-01-01T00:00:00Z"
    return json.dumps(made).encode()


def of_one_key_twice(team: Team) -> bytes:
    made = json.loads(forged_by_one(team))
    made["signatures"] += made["signatures"]
    return json.dumps(made).encode()


def too_far(team: Team) -> bytes:
    make(team, 1, RootChange(), "ann", "ben")
    return make(team, 2, RootChange(), "ann", "ben")


@pytest.mark.parametrize(
    ("forge", "error"),
    [
        (forged_by_one, UntrustedRoot),
        (forged_by_strangers, UntrustedRoot),
        (not_by_its_own, UntrustedRoot),
        (edited, UntrustedRoot),
        (of_one_key_twice, BadTufRoot),
        (too_far, UntrustedRoot),
        (lambda team: team.root(1), UntrustedRoot),
        (lambda _: b"{}", BadTufRoot),
        (lambda _: b"[" * 100_000, BadTufRoot),
        (lambda _: b"\xff", BadTufRoot),
    ],
)
def test_a_root_that_is_not_signed_as_it_has_to_be_is_refused_and_not_kept(
    forge: Callable[[Team], bytes], error: type[ClusterbookError], team: Team, base: Base, user: Client
) -> None:
    team.publish_root(base, 2, forge(team))
    with pytest.raises(error):
        user("index", from_=team.layout, tuf_root=first(team))
    assert not root_store({}, user.home).folder.exists()


def test_something_else_in_the_place_of_a_root_is_refused(team: Team, base: Base, user: Client) -> None:
    base.store.put_manifest("index", base.store.manifest("index", "latest"), tag="root-2")
    with pytest.raises(BrokenIndex):
        user("index", from_=team.layout, tuf_root=first(team))


def test_freeze_a_root_that_has_run_out_asks_for_the_next(team: Team, base: Base, user: Client) -> None:
    make(team, 1, RootChange(), "ann", "ben", expires=timedelta(days=30))
    team.publish_root(base, 2)
    user("bundle", "eks", from_=team.layout, tuf_root=first(team), output=user.home / "b")
    with pytest.raises(ExpiredTufRoot) as caught:
        user("index", from_=team.layout, tuf_root=first(team), now=LATER)
    assert caught.value.code == "CB214"
    assert user.verify(user.home / "b", tuf_root=first(team), now=LATER).error is None
    make(team, 2, RootChange(), "ben", "eve")
    team.publish_root(base, 3)  # an expired version in between does no harm
    assert user("index", from_=team.layout, tuf_root=first(team), now=LATER).text


def test_rollback_a_source_that_shows_an_older_root_gives_no_key_back(team: Team, base: Base, user: Client) -> None:
    shutil.copytree(team.layout, team.folder / "before")
    team.publish_root(base, 2, make(team, 1, revoked(team), "ann", "ben"))
    with pytest.raises(WrongSigner):
        user("index", from_=team.layout, tuf_root=first(team))
    with pytest.raises(WrongSigner):
        user("index", from_=team.folder / "before", tuf_root=first(team))


@pytest.mark.parametrize("damage", [b"", b"{", b'{"signed": {}}', None])
def test_a_kept_root_that_is_damaged_is_an_error_and_not_a_beginning(
    damage: bytes | None, team: Team, base: Base, user: Client
) -> None:
    team.publish_root(base, 2, make(team, 1, RootChange(), "ann", "ben"))
    user("index", from_=team.layout, tuf_root=first(team))
    (file,) = root_store({}, user.home).folder.glob("*.json")
    file.write_bytes(file.read_bytes()[:-200] if damage is None else damage)
    with pytest.raises(BadTufRoot) as caught:
        user("index", from_=team.layout, tuf_root=first(team))
    assert str(file) in caught.value.hint
    file.unlink()
    assert user("index", from_=team.layout, tuf_root=first(team)).text


def test_what_cannot_be_kept_is_said(team: Team, base: Base, user: Client) -> None:
    team.publish_root(base, 2, make(team, 1, RootChange(), "ann", "ben"))
    folder = root_store({}, user.home).folder
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    said = user("index", from_=team.layout, tuf_root=first(team)).notes
    assert any(str(folder) in note for note in said)


@pytest.mark.usefixtures("base")
def test_a_policy_names_a_root_beside_others(team: Team, user: Client) -> None:
    text = "apiVersion: clusterbook.dev/v1alpha1\nkind: TrustPolicy\nmetadata: {name: ours}\n"
    policy = team.folder / "trust.yaml"
    policy.write_text(f"{text}spec: {{signers: [{{tufRoot: 1.root.json}}, {{key: fay.pub}}]}}\n")
    assert user("index", from_=team.layout, policy=policy).text
    policy.write_text(f"{text}spec: {{signers: [{{tufRoot: 1.root.json, key: fay.pub}}]}}\n")
    with pytest.raises(ClusterbookError) as caught:
        user("index", from_=team.layout, policy=policy)
    assert (caught.value.code, caught.value.place.line if caught.value.place else 0) == ("CB173", 4)


def test_roots_cross_an_air_gap(team: Team, base: Base, user: Client, tmp_path: Path) -> None:
    team.publish_root(base, 2, make(team, 1, RootChange(add_release=(public(team, "second"),)), "ann", "ben"))
    team.release(base, JULY, "second", 2)
    home, far = tmp_path / "home", tmp_path / "far"
    believe = ["--tuf-root", "1.root.json"]
    save = ["mirror", "save", "gke", "--from", "published", "-o", "m.tar", "--no-images", "--no-charts"]
    assert run([*save, *believe], home) == 0
    assert run(["verify", "m.tar", *believe], far) == 0
    assert run(["mirror", "load", "m.tar", "--to", "oci-layout:far", *believe], far) == 0
    assert root_versions(open_source("far", Access())) == [1, 2]
    assert user("index", from_=team.folder / "far", tuf_root=first(team)).text


@pytest.mark.usefixtures("base")
def test_a_mirror_is_not_loaded_over_another_root_or_with_a_broken_one(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(team, 1, RootChange(), "ann", "ben")
    other = team.root(2)
    make(team, 1, revoked(team), "ann", "ben")
    for number, (archive, target) in enumerate([(team.root(2), other), (forged_by_one(team), None)]):
        shutil.copytree(team.layout, source := team.folder / f"source{number}")
        team.publish_root(Base(Layout(source), ""), 2, archive)
        home = tmp_path / f"home{number}"
        save = ["mirror", "save", "eks", "--from", str(source), "-o", "m.tar", "--no-images", "--no-charts"]
        key = ["--key", "release.pub"]
        assert run([*save, *key], home) == 0
        far = publications.layout(team.folder / f"far{number}")
        if target is not None:
            team.publish_root(far, 2, target)
        capsys.readouterr()
        assert run(["mirror", "load", "m.tar", "--to", f"oci-layout:{far.store.where}", *key], home) == 4
        assert "CB213" in capsys.readouterr().err


def test_publishing_refuses_another_root_and_a_key_that_it_does_not_name(
    team: Team, base: Base, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "clusterbook-build publish --to oci://HOST/BASE --key {} {}"
    one = "--tuf-root 1.root.json"
    assert team.type(line.format("second.key", one), team.folder) == 4
    assert team.type(line.format("release.key", "--tuf-root 1.root.json --tuf-root 1.root.json"), team.folder) == 4
    team.publish_root(base, 2, make(team, 1, RootChange(), "ann", "ben"))
    assert team.type(line.format("release.key", one), team.folder) == 4
    assert "CB213" in capsys.readouterr().err
    assert team.type(line.replace("--key {} ", "--keyless ").format(one), team.folder) == 2
    with pytest.raises(BadTufRoot):
        make(team, 1, RootChange(remove_release=(public(team, "release"),)))
    with pytest.raises(BadTufRoot):
        make(team, 1, RootChange(threshold=4))
    with pytest.raises(BadTufRoot):
        make(team, 1, RootChange(remove_root=(public(team, "fay"),)))
    with pytest.raises(BadTufRoot):
        make(team, 1, RootChange(), "release")


@pytest.mark.usefixtures("base")
def test_a_key_that_would_count_twice_is_refused(team: Team) -> None:
    made = json.loads(team.root(1))
    keyid, *rest = made["signed"]["roles"]["root"]["keyids"]
    made["signed"]["keys"]["twin"] = made["signed"]["keys"][keyid]
    made["signed"]["roles"]["root"]["keyids"] = [keyid, "twin", *rest]
    with pytest.raises(BadTufRoot):
        read_root(json.dumps(made).encode(), "root")


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed["roles"]["targets"].update(threshold=2),
        lambda signed: signed["roles"]["targets"].update(keyids=[]),
        lambda signed: signed["roles"]["snapshot"].update(keyids=[]),
        lambda signed: signed["roles"]["root"].update(threshold=0),
        *(lambda signed, role=role: signed["roles"][role].update(threshold=1.0) for role in ("root", "timestamp")),
        lambda signed: signed.update(x=1.5),
        lambda signed: signed.update(x=1e400),
        lambda signed: next(iter(signed["keys"].values())).update(x={"y": [0.5]}),
        lambda signed: signed.update(_type="targets"),
        lambda signed: signed.update(spec_version="9.0.0"),
        lambda signed: signed.update(expires="soon"),
        lambda signed: next(iter(signed["keys"].values())).update(keytype="rsa", scheme="rsassa-pss-sha256"),
        lambda signed: next(iter(signed["keys"].values())).update(keyval={"public": "zz"}),
    ],
)
@pytest.mark.usefixtures("base")
def test_a_root_that_cannot_be_used_is_refused(change: Callable[[Any], object], team: Team) -> None:
    made = json.loads(team.root(1))
    change(made["signed"])
    with pytest.raises(BadTufRoot):
        read_root(json.dumps(made).encode(), "root")


def test_python_tuf_reads_what_we_write(team: Team, base: Base) -> None:
    from tuf.api.metadata import Metadata, Root

    made = Metadata[Root].from_bytes(team.root(1))
    made.verify_delegate("root", made)
    assert base.store.manifest("index", "root-1").artifact_type == ROOT
