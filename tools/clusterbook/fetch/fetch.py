"""Fetching: what was published comes here, once it is known to be true.

    source → index, verified and not older than before → shard → artifact by digest → file or folder → remembered

Knows the way, and what the user hears. Does not know click, where policies come from (`believing`), nor how a bundle
lands (`arrival`). Part of a fetch that has to be quick, so what only some need is imported for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from clusterbook.artifacts import index as published
from clusterbook.artifacts.freshness import withdrawn
from clusterbook.artifacts.index import RECIPE, RECIPE_KIND, Entry, choose, pin_of
from clusterbook.artifacts.memory import memory
from clusterbook.artifacts.open import Opened, open_index, refuse_withdrawn
from clusterbook.diagnostics.errors import InvalidRequest, NotFound
from clusterbook.diagnostics.transport import Malformed
from clusterbook.files.context import Around
from clusterbook.oci.manifest import Manifest
from clusterbook.oci.open import absolute, access_of, open_source
from clusterbook.trust.choose_policy import Words, trusting
from clusterbook.trust.policy import Trusting

if TYPE_CHECKING:
    from clusterbook.lookup.format import Index

LARGEST_RECIPE_BYTES = 64 << 20


class Chosen(NamedTuple):
    """One artifact of an opened index."""

    opened: Opened
    slug: str
    version: str
    entry: Entry
    kind: str
    manifest: Manifest

    @property
    def repository(self) -> str:
        """The repository it is in."""
        return self.opened.base.repository(published.repository(self.kind, self.slug))

    @property
    def name(self) -> str:
        """What it is called, `SLUG@VERSION`."""
        return f"{self.slug}@{self.version}"

    def said(self) -> dict[str, Any]:
        """Return what is known of it, as data."""
        verified = self.opened.verified
        return {
            "slug": self.slug,
            "version": self.version,
            "recipeDigest": self.entry.digest,
            "artifactDigest": self.manifest.digest,
            "release": self.opened.envelope.release,
            "signer": verified.signer if verified else "",
            "issuer": verified.issuer if verified else "",
        }


class Fetched(NamedTuple):
    """What came of it: what is to be printed, "" where it went to a file, and what its user should hear."""

    text: str
    notes: tuple[str, ...] = ()


def fetch(kind: str, where: str, words: Words, slug: str, around: Around, *, criteria: bool) -> Fetched:
    """Fetch a recipe, a bundle or an index.

    Args:
        kind: which of them.
        where: the source.
        words: the values of each flag by its key.
        slug: what stands without a flag, `SLUG[@VERSION]` or "".
        around: environment, home and the time.
        criteria: whether any were given.

    Raises:
        ClusterbookError: nothing was written, and what was remembered of the source stays.
    """
    remembered, source = memory(around.environment, around.home), absolute(where)
    access = access_of(words, around.environment, around.home)
    belief = trusting(words, around.environment, around.home)
    opened = open_index(open_source(where, access), belief, now=around.now, seen=remembered.recall(source))
    if kind == "index":
        from clusterbook.fetch.contents import contents

        text, notes = contents(opened, as_json=words.get("format") == ["json"])
        reply = _delivered(text.encode(), words)._replace(notes=notes)
    else:
        chosen, notes = _chosen(opened, kind, words, slug, criteria=criteria)
        reply = _recipe(chosen, words) if kind == "recipe" else _bundle(chosen, words, belief)
        reply = reply._replace(notes=(*notes, *reply.notes))
    warning = remembered.remember(source, opened.seen)
    return reply._replace(notes=(*reply.notes, warning)) if warning else reply


def _chosen(opened: Opened, kind: str, words: Words, named: str, *, criteria: bool) -> tuple[Chosen, tuple[str, ...]]:
    """Return the artifact that is asked for, and notes about it."""
    slug, _, wanted = named.partition("@")
    notes: tuple[str, ...] = ()
    if slug and criteria:
        raise InvalidRequest(f"both the recipe {slug} and criteria were given", hint="give one of them")
    if not slug:
        from clusterbook.fetch.openedshelf_ import slug_for

        slug, notes = slug_for({key: values[0] for key, values in words.items()}, _head(opened))
    try:
        recipe = opened.recipe(slug)
    except NotFound as error:
        from clusterbook.diagnostics.errors import did_you_mean

        hint = did_you_mean(slug, _head(opened).matcher.slugs()).rstrip("?")
        raise NotFound(error.what, hint=f"{hint}; `clusterbook fetch index` lists them all") from error
    version, entry = choose(slug, recipe, opened.version(slug, recipe, wanted))
    artifact_kind = RECIPE_KIND if kind == "recipe" else words.get("deployer", ["helm"])[0]
    pin = pin_of(slug, version, entry, artifact_kind)
    if "allow_withdrawn" not in words:
        refuse_withdrawn(opened.envelope, slug, version)
    elif found := withdrawn(opened.envelope, slug, version):
        notes = (*notes, f"{found.name} was withdrawn: {found.reason}")
    if version != recipe.current:
        notes = (*notes, f"{slug}@{version} is not what release {opened.envelope.release} serves: {recipe.current}")
    manifest = opened.artifact(published.repository(artifact_kind, slug), pin)
    notes = (*notes, f"{slug}@{version} of release {entry.release}, {opened.signature()}")
    return Chosen(opened, slug, version, entry, artifact_kind, manifest), notes


def _head(opened: Opened) -> Index:
    from clusterbook.lookup.format import decode_head

    return decode_head(opened.shard(published.CRITERIA), f"{opened.base.store.where}: {published.CRITERIA}")


def _recipe(chosen: Chosen, words: Words) -> Fetched:
    """Return a recipe, or write it."""
    layer = next((each for each in chosen.manifest.layers if each.media_type == RECIPE), None)
    if layer is None:
        raise Malformed(f"{chosen.name} is published without a recipe", hint="it has to be published again")
    data = chosen.opened.base.store.read(chosen.repository, layer, limit_bytes=LARGEST_RECIPE_BYTES)
    if words.get("format", ["yaml"])[0] == "yaml":
        from clusterbook.documents.yaml_writer import dump

        data = dump(json.loads(data)).encode()
    return _delivered(data, words)


def _delivered(data: bytes, words: Words) -> Fetched:
    """Return what is to be printed, or write it to a file."""
    output = words.get("output", ["-"])[0]
    if output == "-":
        return Fetched(data.decode())
    from clusterbook.files.write import write_bytes

    write_bytes(Path(output), data)
    return Fetched("")


def _bundle(chosen: Chosen, words: Words, belief: Trusting) -> Fetched:
    """Bring a bundle into a folder, or into the file of an archive."""
    from clusterbook.fetch.unpack import arrive
    from clusterbook.oci.transfer import save

    output = words.get("output", ["bundle"])[0]
    store, layers = chosen.opened.base.store, chosen.manifest.layers
    if len(layers) != 1:
        raise Malformed(f"the bundle {chosen.name} has {len(layers)} layers", hint="it has to be published again")
    said = {**chosen.said(), "deployer": chosen.kind, "output": output}
    if output.endswith((".tar.gz", ".tgz")):
        save(store, chosen.repository, layers[0], Path(output))
        said |= {"files": 1}
    else:
        from clusterbook.fetch.attestation import attestation

        beside = attestation(chosen.opened, chosen.repository, chosen.manifest, belief)
        source = (store, chosen.repository, layers[0])
        said |= {"files": len(arrive(*source, Path(output), beside, force="force" in words))}
    if words.get("format", ["text"])[0] == "json":
        return Fetched(json.dumps(said, indent=2, sort_keys=True) + "\n")
    flags = "".join(f" --{key} {value}" for key in ("policy", "key") for value in words.get(key, ()))
    return Fetched(
        f"{output}: {chosen.name} for {chosen.kind}, {said['files']} files\n"
        f"verify: clusterbook verify {output}{flags}\n"
    )
