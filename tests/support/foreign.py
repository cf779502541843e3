"""Every parser of what others send, and texts to try it with: well-formed ones with something in them turned over.

Whatever comes, a parser answers or says what is wrong: ClusterbookError, or what its docstring names.
"""

# ruff: noqa: E501  # one parser a line, as far as that goes
from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import requests
from hypothesis import strategies as st

from clusterbook.artifacts import freshness, index
from clusterbook.bundle.checksums import checksums, read_checksums
from clusterbook.bundle.rederive import prove
from clusterbook.bundle.render import OPTIONS, RECIPE
from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.diagnostics.findings import SourceErrors
from clusterbook.diagnostics.transport import Patience
from clusterbook.documents.regex import BadRegex, compile_pattern
from clusterbook.documents.yaml_reader import parse as parse_yaml
from clusterbook.documents.yaml_writer import dump
from clusterbook.gotemplate import render as render_template
from clusterbook.mirror import archive
from clusterbook.oci import credentials, http, login
from clusterbook.oci.credentials import anonymous
from clusterbook.oci.layout.index import Listing
from clusterbook.oci.manifest import artifact, describe_file, parse_manifest
from clusterbook.oci.reference import parse_reference
from clusterbook.trust import keys, policy, tuf_root
from clusterbook.trust.sigstore import verify_keyless
from clusterbook.trust.statement import PROVENANCE, Subject, key_bundle, parse_bundle, parse_statement, statement
from clusterbook.validate.jmespath import evaluate
from tests.support import whole_recipes
from tests.support.forged import Forge
from tests.support.servers.sigstore import FakeSigstore

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "²", "\x00", "\ud800", "http://[", "sha256:" + "0" * 64, "..", "/", "a" * 300, "1e999"]),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just({"": None}),
    st.just({"digest": {}}),
)


class Parser(NamedTuple):
    """One parser, called with what a strategy makes, and what it may raise besides ClusterbookError."""

    inputs: st.SearchStrategy[Any]
    call: Callable[[Any], Any]
    raises: tuple[type[Exception], ...] = ()


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a document, itself included."""
    found = [path]
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def replaced(document: Any, path: tuple[Any, ...], value: Any, how: str) -> Any:
    """Return a document in which something else stands at a place, or nothing, or under another key."""
    if not path:
        return value
    head, *rest = path
    if isinstance(document, list):
        new = [replaced(each, tuple(rest), value, how) if at == head else each for at, each in enumerate(document)]
        return [each for at, each in enumerate(new) if not (how == "gone" and not rest and at == head)]
    changed = {key: replaced(each, tuple(rest), value, how) if key == head else each for key, each in document.items()}
    if not rest and how == "gone":
        del changed[head]
    elif not rest and how == "renamed":
        changed[f"{head}x"] = changed.pop(head)
    return changed


@st.composite
def turned(draw: st.DrawFn, document: Any) -> Any:
    """Return a document in which one to three things are others."""
    for _ in range(draw(st.integers(1, 3))):
        where = places(document)
        path = where[draw(st.integers(0, len(where) - 1))]
        document = replaced(document, path, draw(JUNK), draw(st.sampled_from(["other", "other", "gone", "renamed"])))
        if not isinstance(document, dict | list):
            break
    return document


def encoded(document: Any) -> bytes:
    """Return a document as JSON, as bytes that may not be UTF-8."""
    return json.dumps(document).encode(errors="surrogatepass")


def as_json(document: Any) -> st.SearchStrategy[bytes]:
    """Return a document turned over as JSON; or with bytes cut, changed or put in; or nested deeply."""
    whole = encoded(document)
    damaged = st.tuples(st.integers(0, len(whole)), st.binary(max_size=4)).map(
        lambda cut: whole[: cut[0]] + cut[1] + whole[cut[0] + len(cut[1]) :]
    )
    deep = st.integers(1, 3).map(lambda n: b"[" * (10**n * 50))
    return st.one_of(turned(document).map(encoded), damaged, st.binary(max_size=40), deep)


_DIGEST = "sha256:" + "a" * 64
_MANIFEST = json.loads(artifact("a/b", [describe_file("c/d", b"x", "x")], annotations={"a": "b"}).raw) | {
    "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": _DIGEST, "size": 3}
}
_STATEMENT = json.loads(statement([Subject("a", _DIGEST)], PROVENANCE, {"runDetails": {"builder": {"id": "x"}}}))
_BUNDLE = json.loads(key_bundle(encoded(_STATEMENT), b"signature", "hint"))
_INSTANCE = FakeSigstore()
_LOGIN = [Forge(_INSTANCE).first(encoded(_STATEMENT)), Forge(_INSTANCE).second(encoded(_STATEMENT), 1)]
_TRUST = _INSTANCE.trusted_root()
_INDEX = json.loads(
    freshness.encode(
        freshness.Envelope(
            "2026.7.0", 2, freshness._moment("2026-07-01T00:00:00Z"), freshness._moment("2027-07-01T00:00:00Z"), "0.1",
            {"criteria": freshness.Shard(_DIGEST, 3)}, (freshness.IndexWithdrawal("a", "1", "why", ""),),
        )
    )
)  # fmt: skip
_SHARD = {
    "eks": {
        "current": "1.0.0",
        "versions": {
            "1.0.0": {"digest": _DIGEST, "release": "2026.7.0", "artifacts": {"helm": {"digest": _DIGEST, "size": 3}}}
        },
    }
}
_POLICY = {
    "apiVersion": "clusterbook.dev/v1alpha1",
    "kind": "TrustPolicy",
    "metadata": {"name": "x"},
    "spec": {"signers": [{"key": "k.pub"}, {"keyless": {"identity": "a", "issuerPattern": "b.*"}}]},
}
_DOCKER = {
    "auths": {"h": {"auth": base64.b64encode(b"ann:secret").decode()}, "https://h/v1/": {"identitytoken": "t"}},
    "credHelpers": {"other": "x"},
}
_RECIPE = whole_recipes.small()
_OPTIONS = {
    "apiVersion": "clusterbook.dev/v1alpha1",
    "kind": "BundleOptions",
    "metadata": {},
    "spec": {"deployer": "helm"},
}
_MIRROR = json.loads(archive.manifest(archive.ArchiveContents("2026.7.0", ("eks@1",), (), ()))[1][0][1])
_PEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
_KEY = keys.public_key(_PEM, "x")
_ROOT = json.loads(tuf_root.new_root([_KEY], 1, [_KEY], datetime(2027, 1, 1, tzinfo=UTC)))
_ADDRESSES = st.one_of(
    st.sampled_from(
        ["http://[", "https://h:99999/", "https://h:abc/x", "//", "http://[::1", "\xff\xfe", "https://é/", "?", "a b"]
    ),
    st.text(max_size=30),
    st.text(alphabet="htps:/[]@?#%.0123456789é ", max_size=20),
)
_HEADERS = st.one_of(
    st.sampled_from(
        ["²", "9" * 400, "-1", "Wed, 99 Foo 9999 99:99:99 GMT", "Wed, 21 Oct 99999 07:28:00 GMT", "nan", "1e400"]
    ),
    st.text(max_size=40),
)
_CLIENT = http.Http("h.test", patience=Patience(), clock=http.Clock())


def _bundle_files(inputs: tuple[Any, Any]) -> Mapping[str, bytes]:
    recipe, options = inputs
    files = {RECIPE: dump(recipe).encode(errors="replace"), OPTIONS: dump(options).encode(errors="replace")}
    return {**files, "checksums.txt": checksums(files)}


def _response(said: str) -> requests.Response:
    found = requests.Response()
    found.headers["Retry-After"] = said
    return found


def _ask(text: bytes) -> Callable[..., tuple[int, bytes]]:
    return lambda *_args, **_more: (200, text)


def _docker(folder: Path, raw: bytes) -> None:
    (folder / "config.json").write_bytes(raw)
    credentials.from_files({"DOCKER_CONFIG": str(folder), "PATH": "/nonexistent"}, folder)("h")


def _answer(challenge: str, token: bytes = b'{"token": "t"}') -> str:
    found = login.Login("https://h", "h", anonymous, _ask(token), clock=lambda: 0.0)
    return found.answer(challenge, frozenset({"repository:a:pull"}), "")


def parsers(folder: Path) -> dict[str, Parser]:
    """Return every parser by name; `folder` is where one that reads a file may find it."""
    template = st.text(alphabet='{}|.$ "-:=abcprintfwihndlqoues()0123456789%', max_size=60).map(
        lambda text: "{{" + text
    )
    return {
        "manifest": Parser(as_json(_MANIFEST), lambda raw: parse_manifest(raw)),
        "listing": Parser(as_json({"schemaVersion": 2, "manifests": [_MANIFEST["subject"]]}),
                          lambda raw: (Listing(raw, "x").entries(), Listing(raw, "x").find("a"),
                                       Listing(raw, "x").referrers_of("a"), Listing(raw, "x").candidates(_DIGEST, "a"))),
        "sigstore bundle": Parser(as_json(_BUNDLE), parse_bundle),
        "signature by login": Parser(st.one_of(*map(as_json, _LOGIN)),
                                     lambda raw: verify_keyless(parse_bundle(raw), encoded(_TRUST), "x")),
        "trust root": Parser(as_json(_TRUST), lambda raw: verify_keyless(parse_bundle(encoded(_LOGIN[1])), raw, "x")),
        "statement": Parser(as_json(_STATEMENT), parse_statement),
        "index": Parser(as_json(_INDEX), lambda raw: freshness.parse(raw, "x")),
        "shard": Parser(as_json(_SHARD), lambda raw: (index.recipes_in(raw), index.recipe_in(raw, "eks"))),
        "releases": Parser(as_json({"2026.7.0": {"eks": ["1.0.0", _DIGEST]}}), index.releases_in),
        "root of trust": Parser(as_json(_ROOT), lambda raw: (tuf_root.signatures(raw, "x", raw), tuf_root.read_root(raw, "x"))),
        "memory": Parser(turned({"sequence": 1, "digest": _DIGEST, "withdrawn": ["a@1"]}), freshness.parse_rollback_state),
        "trust policy": Parser(turned(_POLICY), policy.decode),
        "list of a mirror": Parser(as_json(_MIRROR), lambda raw: archive.parse(raw, "x")),
        "checksums": Parser(st.one_of(st.text(max_size=80), st.just("a" * 64 + "  /x\n")), read_checksums),
        "reference": Parser(st.one_of(st.text(max_size=40), st.text(max_size=40).map(lambda text: f"oci://{text}")),
                            parse_reference),
        "public key": Parser(st.one_of(st.text(max_size=60), st.tuples(st.integers(0, len(_PEM)), st.text(max_size=3)).map(
            lambda cut: _PEM[: cut[0]] + cut[1] + _PEM[cut[0] + 1 :])), lambda text: keys.public_key(text, "x")),
        "private key": Parser(st.binary(max_size=60), lambda raw: keys.private_key(raw, "x")),
        "certificate": Parser(st.binary(max_size=80), keys.certificate_key),
        "docker's config.json": Parser(as_json(_DOCKER), lambda raw: _docker(folder, raw)),
        "Retry-After": Parser(_HEADERS, lambda said: http.retry_after_s(_response(said), 0.0)),
        "address": Parser(_ADDRESSES, lambda url: (http.printable_url(url), login.origin(url))),
        "Location": Parser(_ADDRESSES, lambda url: _CLIENT.resolve_location("https://h.test/a", url)),
        "WWW-Authenticate": Parser(
            st.one_of(st.text(max_size=60), _ADDRESSES.map(lambda url: f'Bearer realm="{url}"'), _HEADERS), _answer),
        "token": Parser(as_json({"token": "t", "expires_in": 60}),
                        lambda raw: _answer('Bearer realm="https://h/token",service="h"', raw)),
        "recipe and options of a bundle": Parser(st.tuples(turned(_RECIPE), st.one_of(st.just(_OPTIONS), turned(_OPTIONS))).filter(
            lambda two: _dumps(two)), lambda two: prove(_bundle_files(two))),
        "YAML": Parser(st.one_of(st.text(max_size=60), st.text(alphabet="-:?[]{}&*!|>'\"%@,# \n\tab1", max_size=60)),
                       lambda text: parse_yaml(text, "x"), (SourceErrors,)),
        "template": Parser(template, lambda text: render_template(text, {"Values": {"a": [1]}}, file="x")),
        "regular expression": Parser(st.text(max_size=20), lambda text: compile_pattern(text).search("abc 1"), (BadRegex,)),
        "JMESPath": Parser(st.one_of(st.text(max_size=30), st.text(alphabet="abc.[]*@'`|&?!()<=>, 01$", max_size=30)),
                           lambda text: evaluate(text, {"a": [1, {"b": "c"}]}, {})),
    }  # fmt: skip


def _dumps(two: tuple[Any, Any]) -> bool:
    """Return whether YAML can be written of what was turned over."""
    try:
        return bool(_bundle_files(two))
    except (TypeError, ValueError, AttributeError, KeyError, ClusterbookError):
        return False
