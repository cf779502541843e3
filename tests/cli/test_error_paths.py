"""Every command's wrong turns, walked by the real program: each its own message, what to try, its exit status.

Source: reference row G4. A row of a table says: exit status, code, command line, a piece of the message. `{…}` are
servers and the index of a small catalog. As root the program runs without root's right to read everything.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import indexes
from tests.support.clusters import FILES
from tests.support.indexes import Said
from tests.support.servers import registry
from tests.support.servers import site as site_server
from tests.support.servers.registry import FakeRegistry
from tests.support.servers.site import Site

WALKER = """
import contextlib, io, json, os, sys
from clusterbook.cli import build_main as build
from clusterbook.cli import main as client
said = []
for program, *words in json.load(sys.stdin):
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = client.run(words, os.environ) if program == "clusterbook" else build.run(words)
    out.seek(0)
    said.append((status, out.read(), err.getvalue()))
json.dump(said, sys.stdout)
"""
"""The program, line after line: starting it costs more than most lines."""
SETPRIV = shutil.which("setpriv")
LIMITED = os.geteuid() != 0 or SETPRIV is not None
PREFIX = [SETPRIV, "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 and SETPRIV else []


class Row(NamedTuple):
    """What a command line has to end in."""

    status: int
    code: str
    line: str
    piece: str


def table(text: str) -> list[Row]:
    """Return the rows of a table: `STATUS CODE | LINE | PIECE`."""
    rows = []
    for line in filter(None, map(str.strip, text.splitlines())):
        head, words, piece = (part.strip() for part in line.split(" | "))
        status, _, code = head.partition(" ")
        rows.append(Row(int(status), code, words, piece))
    return rows


class Walk:
    """Runs the program in a folder of inputs, all of them wrong in their own way."""

    def __init__(self, folder: Path, **places: str) -> None:
        self.folder, self.places = folder, places
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "PYTHONPATH": ":".join(sys.path)}

    def all(self, lines: list[str]) -> list[Said]:
        """Return what the program says to command lines, one after the other in a process of their own."""
        done = subprocess.run(
            [*PREFIX, sys.executable, "-c", WALKER],
            input=json.dumps([shlex.split(line.format(**self.places)) for line in lines]),
            capture_output=True,
            text=True,
            check=True,
            cwd=self.folder,
            env=self.environment,
        )
        return [Said(*each) for each in json.loads(done.stdout)]

    def faults(self, rows: Iterable[Row]) -> list[str]:
        """Return the rows that end in something else, with what was said instead."""
        rows = [row for row in rows if LIMITED or "locked" not in row.line]
        return [
            f"{row.line}\n  expected {row.status} {row.code} {row.piece!r}, it exits {said.status}: {said.err}"
            for row, said in zip(rows, self.all([row.line for row in rows]), strict=True)
            if not fits(row, said)
        ]


def fits(row: Row, said: Said) -> bool:
    """Return whether a program said what a row says: one error with its code and a hint, nothing else of note."""
    error = said.err.rpartition("error: ")[2]
    first, _, hint = error.partition("\n  hint: ")
    return (
        said.status == row.status
        and f"{row.code} " in first
        and row.piece in first
        and len(hint.strip()) > 3
        and "\n" not in first
        and "Traceback" not in said.err
        and "this is a bug" not in said.err
        and "Errno" not in said.err
    )


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "home").mkdir()
    texts = {
        "empty": "",
        "list": "- a\n- b\n",
        "words": "just words\n",
        "pod": "kind: Pod\napiVersion: v1\n",
        "foo": "kind: Foo\napiVersion: clusterbook.dev/v1alpha1\n",
        "broken": "a: [\n",
        "snapshot": json.dumps(FILES["bare-node"]),
        "locked": "locked",
    }
    for name, text in texts.items():
        for end in ("yaml", "pem", "tar", "tar.gz", "zip"):
            (folder / f"{name}.{end}").write_text(text)
    for end in ("yaml", "pem", "tar", "tar.gz", "zip"):
        (folder / f"binary.{end}").write_bytes(bytes(range(255, 0, -1)) * 20)
        (folder / f"locked.{end}").chmod(0)
    for name, mode in (("folder", 0o755), ("locked", 0), ("readonly", 0o555)):
        (folder / name).mkdir()
        (folder / name / "file").write_text("of somebody's")
        (folder / name).chmod(mode)
    index = indexes.write_index(folder)
    fake, site = FakeRegistry(), Site(folder)
    listed = site_server.Fault("list.yaml?", status=200, body=b"- a\n- b\n")
    faults = [listed] + [
        site_server.Fault(f"answers-{status}", status=status, times=10**6) for status in (401, 403, 404, 429, 500)
    ]
    site.faults = [fault for fault in faults for _ in range(50)]
    asked = [registry.Fault("GET", f"/answers-{status}/", status=status, times=10**6) for status in (401, 403, 404)]
    asked += [registry.Fault("GET", "/answers-429/", status=429, headers={"Retry-After": "3600"}, times=10**6)]
    fake.faults = asked
    with registry.running(fake), site_server.serving(site):
        yield Walk(folder, index=str(index), host=fake.host, site=site.address)
    for name in ("locked", "readonly"):
        (folder / name).chmod(0o755)


# --- documents --------------------------------------------------------------------------------------------------------

READERS = (
    "clusterbook recipe --source {index} -r ./FILE",
    "clusterbook recipe --source {index} -s ./FILE",
    "clusterbook recipe --source {index} --config ./FILE",
    "clusterbook query --source {index} -r ./FILE --selector criteria",
    "clusterbook fit --source {index} ./FILE",
    "clusterbook validate --source {index} -r ./FILE --no-cluster -s snapshot.yaml",
    "clusterbook validate --source {index} eks --no-cluster -s ./FILE",
    "clusterbook diff --source {index} ./FILE eks",
    "clusterbook diff snapshot.yaml ./FILE",
    "clusterbook record ./FILE nccl=out.txt",
    "clusterbook bundle --source {index} -r ./FILE -o out",
    "clusterbook bundle --source {index} --config ./FILE -o out",
    "clusterbook mirror list --source {index} -r ./FILE",
    "clusterbook evidence digest --source {index} ./FILE",
    "clusterbook fetch recipe eks --from folder --config ./FILE",
)
"""Command lines that read a document."""
INPUTS = (
    ("missing.yaml", 3, "CB102", "does not exist"),
    ("folder", 2, "CB101", "is a folder, not a file"),
    ("locked.yaml", 8, "CB116", "cannot be read: Permission denied"),
    ("empty.yaml", 2, "CB101", "holds nothing"),
    ("binary.yaml", 2, "CB101", "is not UTF-8 text"),
    ("list.yaml", 2, "CB101", "holds a list of 2, not a document"),
    ("words.yaml", 2, "CB101", "holds text 'just words', not a document"),
    ("pod.yaml", 2, "CB101", "has the apiVersion 'v1', which is not supported"),
    ("broken.yaml", 2, "CB101", "not YAML"),
)


@pytest.mark.parametrize(("file", "status", "code", "piece"), INPUTS, ids=[each[0] for each in INPUTS])
def test_whoever_reads_a_document_says_the_same_of_it(
    walk: Walk, file: str, status: int, code: str, piece: str
) -> None:
    rows = (
        Row(
            status,
            code,
            line.replace("FILE", file),
            "holds no snapshots" if file == "folder" and of_fleet(line) else piece,
        )
        for line in READERS
    )
    assert walk.faults(rows) == []


def of_fleet(line: str) -> bool:
    """Return whether a command takes a folder as well: of many snapshots."""
    return line.startswith(("clusterbook fit ", "clusterbook diff snapshot.yaml "))


def test_a_document_of_another_kind_is_refused_with_what_is_taken(walk: Walk) -> None:
    rows = table("""
        2 CB101 | clusterbook recipe --source {index} -r foo.yaml | --recipe does not accept a Foo
        2 CB101 | clusterbook recipe --source {index} -s foo.yaml | this is not a snapshot: its kind is 'Foo'
        2 CB101 | clusterbook recipe --source {index} --config foo.yaml | kind 'Foo' is not supported here
        2 CB101 | clusterbook diff --source {index} foo.yaml eks | neither a snapshot nor a recipe
        2 CB101 | clusterbook fit --source {index} foo.yaml | this is not a snapshot
    """)
    assert walk.faults(rows) == []


# --- other files and folders ------------------------------------------------------------------------------------------


def test_other_files_and_folders_that_cannot_be_used_are_told_apart(walk: Walk) -> None:
    rows = table("""
        3 CB102 | clusterbook recipe --source missing --service eks | missing
        3 CB102 | clusterbook recipe --source folder --service eks | has no index.json
        2 CB101 | clusterbook recipe --source words.zip --service eks | neither a folder nor a zip file
        8 CB116 | clusterbook recipe --source locked.zip --service eks | cannot be read
        8 CB116 | clusterbook recipe --source locked --service eks | cannot be read
        3 CB102 | clusterbook recipe --source {index} --data missing --service eks | missing
        2 CB101 | clusterbook recipe --source {index} --data words.yaml --service eks | is not a folder
        8 CB106 | clusterbook recipe --source {index} --data folder --service eks | has no registry.yaml
        8 CB106 | clusterbook recipe --source {index} --data locked --service eks | cannot be read
        3 CB102 | clusterbook diff snapshot.yaml snapshot.yaml --ignore-from missing.yaml | missing.yaml
        2 CB101 | clusterbook diff snapshot.yaml snapshot.yaml --ignore-from folder | is a folder
        2 CB101 | clusterbook diff snapshot.yaml snapshot.yaml --ignore-from binary.yaml | not UTF-8
        8 CB116 | clusterbook diff snapshot.yaml snapshot.yaml --ignore-from locked.yaml | cannot be read
        2 CB101 | clusterbook diff --source {index} folder eks | folder without options.yaml
        2 CB101 | clusterbook diff --source {index} locked eks | folder without options.yaml
        3 CB102 | clusterbook diff --source {index} eks@1.0.0 eks | there is no ledger in registry
        3 CB102 | clusterbook diff 2026.3.0 2026.7.0 | there is no release 2026.3.0 in registry
        2 CB101 | clusterbook diff 2026.3.0 2026.7.0 --registry words.yaml | is not a folder
        3 CB102 | clusterbook diff --source {index} eks@1.0.0 eks --registry folder | folder has no recipe eks
        3 CB102 | clusterbook bundle --source {index} eks --diff missing | missing
        2 CB101 | clusterbook bundle --source {index} eks --diff words.yaml | neither a folder nor a .tar.gz
        8 CB116 | clusterbook bundle --source {index} eks --diff locked | cannot be read
        4 CB149 | clusterbook bundle --source {index} eks --diff empty.tar.gz | is damaged: empty file
        3 CB102 | clusterbook bundle --source {index} eks --set-file a:b=missing.yaml | missing.yaml
        8 CB107 | clusterbook bundle --source {index} eks -o readonly/b | cannot be written
        2 CB111 | clusterbook bundle --source {index} eks -o words.yaml | is not a folder
        2 CB111 | clusterbook bundle --source {index} eks -o folder | which does not belong to a bundle
        8 CB107 | clusterbook recipe --source {index} eks -o readonly/x | cannot be written
        3 CB102 | clusterbook validate --source {index} eks --kubeconfig missing.yaml | there is no kubeconfig
        2 CB101 | clusterbook validate --source {index} eks --kubeconfig folder | is a folder, not a kubeconfig
        2 CB191 | clusterbook validate --source {index} eks --kubeconfig empty.yaml | is empty
        2 CB191 | clusterbook validate --source {index} eks --kubeconfig binary.yaml | not UTF-8
        8 CB116 | clusterbook validate --source {index} eks --kubeconfig locked.yaml | cannot be read
        2 CB192 | clusterbook validate --source {index} eks | no cluster
        3 CB102 | clusterbook evidence verify missing --unsigned | missing
        2 CB101 | clusterbook evidence verify words.yaml --unsigned | is not a folder
        2 CB132 | clusterbook evidence verify folder --unsigned | manifest.json is missing
        8 CB116 | clusterbook evidence verify locked --unsigned | cannot be read
        3 CB102 | clusterbook evidence sign folder --key missing.pem | missing.pem
        2 CB170 | clusterbook evidence sign folder --key binary.pem | is not a private key
        8 CB116 | clusterbook evidence sign folder --key locked.pem | cannot be read
        3 CB102 | clusterbook-build check --recipes missing | missing
        2 CB101 | clusterbook-build check --recipes words.yaml | is not a folder
        3 CB102 | clusterbook-build publish --to oci-layout:out --key missing.pem | missing.pem
        8 CB122 | clusterbook-build release 2026.7.0 | not a git repository
    """)
    assert walk.faults(rows) == []


def test_what_is_no_bundle_mirror_key_or_policy_says_so(walk: Walk) -> None:
    rows = table("""
        3 CB102 | clusterbook verify missing | missing
        3 CB102 | clusterbook verify missing.tar.gz | missing.tar.gz
        4 CB114 | clusterbook verify folder | has no checksums.txt
        8 CB116 | clusterbook verify locked | cannot be read
        4 CB149 | clusterbook verify empty.tar | is not an archive: empty file
        4 CB149 | clusterbook verify binary.tar | is not an archive
        4 CB149 | clusterbook verify binary.tar.gz | is damaged
        8 CB116 | clusterbook verify locked.tar | cannot be read
        8 CB116 | clusterbook verify locked.tar.gz | cannot be read
        3 CB102 | clusterbook verify folder --key missing.pem | missing.pem
        2 CB173 | clusterbook verify folder --policy binary.yaml | is not UTF-8 text
        2 CB173 | clusterbook verify folder --policy words.yaml | holds no policy
        2 CB101 | clusterbook verify folder --policy words.yaml --key x | exclude each other
        3 CB102 | clusterbook fetch recipe eks --from missing | missing
        3 CB141 | clusterbook fetch recipe eks --from folder | is not an OCI layout
        3 CB141 | clusterbook fetch recipe eks --from oci-layout:missing | is not an OCI layout
        8 CB116 | clusterbook fetch recipe eks --from locked | cannot be read
        4 CB149 | clusterbook fetch recipe eks --from binary.tar | is not an archive
        8 CB116 | clusterbook fetch recipe eks --from locked.tar | cannot be read
        2 CB140 | clusterbook fetch recipe eks --from ftp://example.org/x | ftp:// is not a supported scheme
        2 CB140 | clusterbook fetch recipe eks --from oci:// | is not a host name
        2 CB140 | clusterbook fetch recipe eks --from https://ann:secret@127.0.0.1/x | must not contain a user
        3 CB102 | clusterbook fetch recipe eks --from folder --key missing.pem | missing.pem
        2 CB101 | clusterbook fetch recipe eks --from folder --key folder | is a folder
        8 CB116 | clusterbook fetch recipe eks --from folder --key locked.pem | cannot be read
        3 CB102 | clusterbook fetch recipe eks --from folder --policy missing.yaml | missing.yaml
        8 CB116 | clusterbook fetch recipe eks --from folder --policy locked.yaml | cannot be read
        3 CB102 | clusterbook fetch recipe eks --from oci://127.0.0.1:9/x --ca-file missing.pem | missing.pem
        2 CB101 | clusterbook fetch recipe eks --from oci://127.0.0.1:9/x --ca-file binary.pem | no certificates
        8 CB116 | clusterbook fetch index --from https://127.0.0.1:9/x --ca-file locked.pem | cannot be read
        3 CB141 | clusterbook mirror save eks --from folder -o x.tar | is not an OCI layout
        2 CB101 | clusterbook mirror save eks --from folder -o x.zip | is not a .tar file
        3 CB102 | clusterbook mirror load missing.tar --to oci-layout:out | missing.tar
        4 CB149 | clusterbook mirror load empty.tar --to oci-layout:out | is not an archive
        3 CB141 | clusterbook mirror load folder --to oci-layout:out | is not an OCI layout
        3 CB102 | clusterbook trust forget oci://example.org/x | there is no state
    """)
    assert walk.faults(rows) == []


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_that_a_command_does_not_take_are_named(walk: Walk) -> None:
    rows = table("""
        3 CB109 | clusterbook nope | there is no command nope
        3 CB109 | clusterbook fetch nope | there is no command nope
        3 CB109 | clusterbook-build nope | there is no command nope
        1 CB115 | clusterbook --nope | --nope is not a flag of clusterbook
        1 CB115 | clusterbook recipe --nope | --nope is not a flag of clusterbook recipe
        2 CB101 | clusterbook bundle --nope | --nope is not a flag of clusterbook bundle
        2 CB101 | clusterbook verify x --nope | --nope is not a flag of clusterbook verify
        1 CB115 | clusterbook fetch bundle --nope | --nope is not a flag of clusterbook fetch bundle
        1 CB115 | clusterbook-build check --nope | --nope is not a flag of clusterbook-build check
        1 CB115 | clusterbook recipe --service | option '--service' requires an argument
        1 CB115 | clusterbook recipe a b | unexpected extra argument
        1 CB108 | clusterbook query eks | --selector is missing
        1 CB108 | clusterbook explain eks | explain needs a recipe and a path
        1 CB108 | clusterbook fit | the snapshot is missing
        1 CB108 | clusterbook diff a | NEW is missing
        2 CB101 | clusterbook verify | WHERE is missing
        1 CB108 | clusterbook fetch recipe eks | --from is missing
        1 CB108 | clusterbook mirror save eks | --from is missing
        1 CB108 | clusterbook mirror save eks --from folder | --output is missing
        1 CB108 | clusterbook mirror load | FILE.tar is missing
        1 CB108 | clusterbook mirror load x.tar | --to is missing
        1 CB108 | clusterbook evidence verify | DIR is missing
        1 CB108 | clusterbook trust forget | SOURCE is missing
        1 CB108 | clusterbook completion | SHELL is missing
        1 CB108 | clusterbook-build publish | --to is missing
        1 CB108 | clusterbook-build withdraw eks | VERSION is missing
        1 CB108 | clusterbook validate --source {index} eks --no-cluster | --no-cluster needs --snapshot
        2 CB101 | clusterbook recipe -t xml --service eks | --format: 'xml' is not one of 'yaml'
        2 CB101 | clusterbook list -t xml | --format: 'xml' is not one of
        2 CB101 | clusterbook mirror list eks -t xml | --format: 'xml' is not one of
        2 CB101 | clusterbook fetch recipe eks --from x -t xml | --format: 'xml' is not one of
        2 CB101 | clusterbook verify x --min-trust-level high | --min-trust-level: 'high' is not one of
        2 CB101 | clusterbook completion nope | SHELL: 'nope' is not one of
        2 CB101 | clusterbook bundle eks -d nope | --deployer: 'nope' is not one of
    """)
    assert walk.faults(rows) == []


def test_values_that_are_not_known_and_flags_that_contradict_each_other_are_named(walk: Walk) -> None:
    rows = table("""
        2 CB101 | clusterbook recipe --source {index} | no criteria were given
        2 CB101 | clusterbook recipe --source {index} --service foo | service 'foo' is not known; there are recipes for:
        2 CB101 | clusterbook list --source {index} --service foo | service 'foo' is not known; there are recipes for:
        2 CB101 | clusterbook list --source {index} --service "" | --service is empty
        2 CB101 | clusterbook recipe --source {index} --nodes many | is not a whole number
        2 CB101 | clusterbook recipe --service eks --service gke | --service is given twice
        2 CB101 | clusterbook recipe --source {index} eks --service eks | both the recipe eks and --service
        3 CB102 | clusterbook recipe --source {index} nope | there is no recipe nope
        3 CB102 | clusterbook bundle --source {index} nope | there is no recipe nope
        3 CB102 | clusterbook query --source {index} eks --selector nope | has no key 'nope'
        3 CB102 | clusterbook explain --source {index} eks nope | has no key 'nope'
        2 CB101 | clusterbook diff --source {index} sha256:00 eks | is not a digest
        2 CB101 | clusterbook validate --source {index} eks --no-cluster -s snapshot.yaml --phase x | no phase 'x'
        2 CB101 | clusterbook validate --source {index} eks --no-cluster -s snapshot.yaml --run | --no-cluster excludes
        2 CB101 | clusterbook validate --source {index} eks --no-cluster -s snapshot.yaml --context x | excludes
        2 CB101 | clusterbook validate --source {index} eks --no-cluster -s snapshot.yaml --key x | sign evidence
        2 CB101 | clusterbook fetch recipe eks --from x --policy a --key b | exclude each other
        2 CB101 | clusterbook fetch recipe eks --from x --certificate-identity x | the OIDC issuer of the identity
        2 CB101 | clusterbook fetch recipe eks --from x --certificate-oidc-issuer x | alone names no signer
        2 CB101 | clusterbook evidence verify folder | there is no trust policy
        2 CB101 | clusterbook-build publish --to oci-layout:out | name one signer
    """)
    assert walk.faults(rows) == []


# --- other machines ---------------------------------------------------------------------------------------------------


def test_what_another_machine_answers_has_an_exit_status_of_its_own(walk: Walk) -> None:
    rows = table("""
        4 CB142 | clusterbook recipe -r {site}/answers-401 | returned status 401
        4 CB142 | clusterbook fit {site}/answers-403 | returned status 403
        3 CB102 | clusterbook recipe -s {site}/answers-404 | returned status 404
        7 CB145 | clusterbook bundle --config {site}/answers-429 | returned status 429
        6 CB144 | clusterbook recipe -r {site}/answers-500 | returned status 500
        6 CB144 | clusterbook recipe -r http://127.0.0.1:9/x | connection refused
        2 CB140 | clusterbook recipe -r http://ann:secret@127.0.0.1/x | must not contain a user
        2 CB140 | clusterbook recipe -r http://127.0.0.1:no/x | is not a URL
        2 CB101 | clusterbook recipe -r {site}/list.yaml?token=secret | list.yaml holds a list of 2
        4 CB142 | clusterbook fetch index --from {site}/answers-401 | denies access
        4 CB142 | clusterbook fetch index --from {site}/answers-403 | returned status 403
        3 CB141 | clusterbook fetch index --from {site}/answers-404 | is not an OCI layout
        3 CB141 | clusterbook fetch index --from {site}/folder | is not an OCI layout
        6 CB144 | clusterbook fetch index --from {site}/answers-500 | returned status 500
        4 CB142 | clusterbook fetch index --from oci://{host}/answers-401 | denies access
        4 CB142 | clusterbook fetch index --from oci://{host}/answers-403 | returned status 403
        3 CB141 | clusterbook fetch index --from oci://{host}/answers-404 | nothing is published at
        7 CB145 | clusterbook fetch index --from oci://{host}/answers-429 | returned status 429
        3 CB141 | clusterbook fetch index --from oci://{host}/nothing | nothing is published at
        3 CB141 | clusterbook verify oci://{host}/nothing:1 | does not
        6 CB144 | clusterbook fetch index --from oci://127.0.0.1:9/x | connection refused
        6 CB144 | clusterbook fetch index --from https://127.0.0.1:9/x | connection refused
    """)
    assert walk.faults(rows) == []
    assert "secret" not in str(walk.all([row.line for row in rows if "secret" in row.line]))


def test_the_program_itself_ends_with_the_status_and_says_it_on_standard_error(walk: Walk) -> None:
    for line, status in (("recipe -r missing.yaml", 3), ("recipe --nope", 1), ("fit locked.yaml", 8 if LIMITED else 2)):
        done = subprocess.run(
            [*PREFIX, sys.executable, "-m", "clusterbook.cli.main", *line.split()],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=walk.folder,
            env=walk.environment,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr[:9]) == (status, "", "error: CB")
