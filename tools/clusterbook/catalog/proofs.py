"""Proofs: what a component's chart makes of the values it is given, as far as somebody rendered it.

A proof is generated (`clusterbook-build prove`) and lies beside its component, components/<name>/proof.json. Each
render in it is about one subject: a chart's version, values, a namespace and our own manifests. What no render is about
is unproven, and nothing here says otherwise. Part of look-ups, so this imports next to nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from clusterbook.diagnostics.errors import ClusterbookError
from clusterbook.records import Any, NamedTuple

METHOD = 2
"""Number of the way in which values are judged and facts are read; proofs of another way are stale."""
API_VERSION, KIND = "clusterbook.dev/v1alpha1", "ComponentProof"
LIVE, DEFAULT, DEAD, OWN, REFUSED = "live", "default", "dead", "own", "refused"


class BrokenProof(ClusterbookError):
    """A file of proofs is damaged, or was written by a newer Clusterbook.

    It is generated: remove it and write it again with `clusterbook-build prove`.
    """

    code = "CB240"
    exit_status = 8


class ProofSubject(NamedTuple):
    """What a proof is about: one chart with one set of values, wherever it is deployed that way."""

    component: str
    source: str
    chart: str
    version: str
    namespace: str
    values: Mapping[str, Any]
    manifests: Mapping[str, str] = {}

    def key(self) -> str:
        """Return the name of this subject by what it says; 16 hexadecimal digits."""
        said = [
            self.component,
            self.source,
            self.chart,
            self.version,
            self.namespace,
            self.values,
            {path: sha256(text.encode()).hexdigest() for path, text in self.manifests.items()},
        ]
        return sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


class Effect(NamedTuple):
    """What one value does.

    Args:
        effect: live (it changes what is deployed), default (the chart says the same), dead (nothing changes),
            own (our manifests or the bundler read it, the chart does not), refused (the chart does not render with it).
        changes: what is different without it, first ones first: `+Kind/name` exists only with it, `-Kind/name` only
            without it, `Kind/name#/json/pointer` reads otherwise.
        more: how many further changes there are.
        default: the chart's own value, in a tuple; () for none.
        near: the path that was probably meant, where the chart does not have this one.
        switch: the path of the value that switches this one off.
        shared: paths of values that say the same, so that each of them alone would do.
        why: what else there is to say.
    """

    effect: str
    changes: tuple[str, ...] = ()
    more: int = 0
    default: tuple[Any, ...] = ()
    near: str = ""
    switch: str = ""
    shared: tuple[str, ...] = ()
    why: str = ""

    def document(self) -> dict[str, Any]:
        """Return the effect as data, without what there is not."""
        found: dict[str, Any] = {"effect": self.effect}
        found |= {"default": self.default[0]} if self.default else {}
        words = {"near": self.near, "switch": self.switch, "why": self.why, "more": self.more}
        found |= {key: word for key, word in words.items() if word}
        lists = {"changes": self.changes, "shared": self.shared}
        return found | {key: list(words) for key, words in lists.items() if words}


def effect_of(document: Mapping[str, Any]) -> Effect:
    """Return the effect that `Effect.document` wrote."""
    return Effect(
        effect=str(document["effect"]),
        changes=tuple(document.get("changes", ())),
        more=int(document.get("more", 0)),
        default=(document["default"],) if "default" in document else (),
        near=str(document.get("near", "")),
        switch=str(document.get("switch", "")),
        shared=tuple(document.get("shared", ())),
        why=str(document.get("why", "")),
    )


class Archive(NamedTuple):
    """The chart that was rendered; empty for our own manifests alone. `exact` says that it is the pinned one."""

    name: str = ""
    version: str = ""
    digest: str = ""
    exact: bool = True


Fact = Mapping[str, Any]


class Proof(NamedTuple):
    """One render, judged: the effect of each value by JSON Pointer, and what else was seen, by kind of fact.

    `kubernetes` are the versions it was rendered for; `refusal` is what helm said when nothing could be rendered.
    """

    key: str
    archive: Archive
    kubernetes: tuple[str, ...]
    effects: Mapping[str, Effect]
    facts: Mapping[str, Sequence[Fact]]
    refusal: str = ""

    def is_about(self, archive: Archive, kubernetes: Iterable[str]) -> bool:
        """Return whether the render is of this archive and covers these versions of Kubernetes."""
        return self.archive == archive and set(kubernetes) <= set(self.kubernetes)


def path_of(component: str) -> str:
    """Return where the proofs of a component lie below a tree's root."""
    return f"components/{component}/proof.json"


def encode(component: str, proofs: Iterable[Proof]) -> str:
    """Return the file of a component's proofs: one line an entry, and what renders have in common written once."""
    known = sorted(proofs, key=lambda proof: proof.key)
    keys = [proof.key for proof in known]
    effects = _group_entries(
        ({"path": path, **effect.document()}, proof.key) for proof in known for path, effect in proof.effects.items()
    )
    facts = {
        kind: _group_entries((dict(fact), proof.key) for proof in known for fact in proof.facts.get(kind, ()))
        for kind in sorted({kind for proof in known for kind in proof.facts})
    }
    head = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": component}}
    lines = [f"{_json(key)}: {_json(value)}" for key, value in head.items()]
    lists = {
        '"renders"': [_render(proof) for proof in known],
        '"values"': [_shared_entry(entry, where, keys) for entry, where in effects],
    }
    body = [f'"method": {METHOD}', *(f"{name}: {_json_lines(entries, '    ')}" for name, entries in lists.items())]
    kinds = [
        f"      {_json(kind)}: {_json_lines([_shared_entry(*entry, keys) for entry in entries], '      ')}"
        for kind, entries in facts.items()
    ]
    body.append('"facts": {\n' + ",\n".join(kinds) + "\n    }" if kinds else '"facts": {}')
    spec = '"spec": {\n    ' + ",\n    ".join(body) + "\n  }"
    return "{\n  " + ",\n  ".join([*lines, spec]) + "\n}\n"


def _render(proof: Proof) -> dict[str, Any]:
    """Return the entry about one render itself."""
    archive = proof.archive
    chart = {"chart": archive.name, "version": archive.version, "digest": archive.digest} if archive.name else {}
    inexact = {} if archive.exact else {"exact": False}
    refusal = {"refusal": proof.refusal} if proof.refusal else {}
    return {"key": proof.key, **chart, **inexact, "kubernetes": list(proof.kubernetes), **refusal}


def _group_entries(entries: Iterable[tuple[dict[str, Any], str]]) -> list[tuple[dict[str, Any], list[str]]]:
    """Return each entry once with the keys of the renders it is true of, sorted by what it says."""
    found: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for entry, key in entries:
        where = found.setdefault(json.dumps(entry, sort_keys=True), (entry, []))[1]
        if key not in where:
            where.append(key)
    return [found[text] for text in sorted(found, key=lambda text: (str(found[text][0].get("path", "")), text))]


def _shared_entry(entry: Mapping[str, Any], where: list[str], every: list[str]) -> dict[str, Any]:
    return dict(entry) if where == every else {**entry, "in": where}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json_lines(entries: Sequence[object], indent: str) -> str:
    return f"[\n{indent}  " + f",\n{indent}  ".join(map(_json, entries)) + f"\n{indent}]" if entries else "[]"


def decode(text: str, file: str) -> list[Proof]:
    """Return the proofs in a file; none where they were made in another way than ours.

    Raises:
        BrokenProof: it is none, or damaged.
    """
    try:
        spec = json.loads(text)["spec"]
        if spec["method"] != METHOD:
            return []
        return [_proof(render, spec) for render in spec["renders"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenProof(f"no proofs: {error!r}", place=file, hint="type clusterbook-build prove") from error


def _proof(render: Mapping[str, Any], spec: Mapping[str, Any]) -> Proof:
    key = str(render["key"])
    return Proof(
        key=key,
        archive=Archive(
            str(render.get("chart", "")),
            str(render.get("version", "")),
            str(render.get("digest", "")),
            render.get("exact", True) is True,
        ),
        kubernetes=tuple(render["kubernetes"]),
        effects={entry["path"]: effect_of(entry) for entry in _entries_of(spec["values"], key)},
        facts={
            kind: facts
            for kind, entries in spec["facts"].items()
            if (facts := [*map(_fact, _entries_of(entries, key))])
        },
        refusal=str(render.get("refusal", "")),
    )


def _fact(entry: Mapping[str, Any]) -> Fact:
    return {name: value for name, value in entry.items() if name != "in"}


def _entries_of(entries: Iterable[Mapping[str, Any]], key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries that are true of one render."""
    return (entry for entry in entries if key in entry.get("in", (key,)))
