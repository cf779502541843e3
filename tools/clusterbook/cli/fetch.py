"""`fetch`: its flags, and those by which any command says from where and whom it believes.

Part of a fetch that has to be quick, so what only some need is imported for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clusterbook.cli.flags import ANSWER, CRITERIA, Flag
from clusterbook.cli.reply import MissingFlag, Reply

if TYPE_CHECKING:
    from clusterbook.files.context import Around
    from clusterbook.trust.choose_policy import Words

FROM = Flag(
    "from", ("--from",), "oci://HOST/BASE, https://HOST/FOLDER, or the folder or archive of an OCI layout.", "SOURCE"
)
ACCESS = (
    Flag("plain_http", ("--plain-http",), "Speak to the registry without TLS."),
    Flag("ca_file", ("--ca-file",), "Certificate authorities to trust instead of the usual ones.", "FILE"),
)
BELIEF = (
    Flag("policy", ("--policy",), "Who may sign; default: ~/.config/clusterbook/trust.yaml, or our releases.", "FILE"),
    Flag("key", ("--key",), "Believe this public key instead of a policy.", "FILE", repeated=True),
    Flag("certificate_identity", ("--certificate-identity",), "Believe this name instead of a policy.", "NAME"),
    Flag("certificate_identity_regexp", ("--certificate-identity-regexp",), "The same, as a pattern.", "REGEXP"),
    Flag("certificate_oidc_issuer", ("--certificate-oidc-issuer",), "Who has to vouch for that name.", "URL"),
    Flag("trust_root", ("--trust-root",), "Believe this Sigstore instance as well.", "FILE", repeated=True),
)
CONFIG = next(flag for flag in ANSWER if flag.key == "config")
_INHERITED = next(flag for flag in ANSWER if flag.key == "allow_inherited")
UNSIGNED = Flag("allow_unsigned", ("--allow-unsigned",), "Accept what nobody signed; a wrong signature stays wrong.")
WITHDRAWN = Flag("allow_withdrawn", ("--allow-withdrawn",), "Accept a version that was withdrawn.")
_COMMON = (
    FROM,
    *BELIEF,
    UNSIGNED,
    *ACCESS,
    CONFIG,
)
_WHICH = (
    *(flag for flag in CRITERIA if flag.key not in ("nodes", "criteria_strict")),
    _INHERITED,
    WITHDRAWN,
)
FETCH: Mapping[str, tuple[Flag, ...]] = {
    "recipe": (
        *_WHICH,
        *_COMMON,
        Flag("format", ("--format", "-t"), "How it is written; json is as published.", values=("yaml", "json")),
        Flag("output", ("--output", "-o"), "Write to this file instead of standard output.", "FILE"),
    ),
    "bundle": (
        *_WHICH,
        Flag(
            "deployer",
            ("--deployer", "-d"),
            "What installs it, such as argocd; default: helm.",
            "NAME",
        ),
        *_COMMON,
        Flag("format", ("--format", "-t"), "How the result is printed.", values=("text", "json")),
        Flag("output", ("--output", "-o"), "Folder, .tar.gz or .tgz file to write; default: bundle.", "DIR|FILE"),
        Flag("force", ("--force",), "Write into a folder that holds other files, or edited ones."),
    ),
    "index": (
        *_COMMON,
        Flag("format", ("--format", "-t"), "How it is written.", values=("text", "json")),
        Flag("output", ("--output", "-o"), "Write to this file instead of standard output.", "FILE"),
    ),
}
"""The flags of each kind of thing that is fetched."""
VALUES: Mapping[str, Flag] = {
    flag.variable: flag for flags in FETCH.values() for flag in flags if not flag.repeated and flag.metavar
}
"""The flags that may stand in the environment as words, by variable."""


def respond(kind: str, words: Words, slug: str, around: Around) -> Reply:
    """Fetch a recipe, a bundle or an index.

    Args:
        kind: which of them.
        words: the values of each flag by its key.
        slug: what stands without a flag, `SLUG[@VERSION]` or "".
        around: environment, home and the time.

    Raises:
        ClusterbookError: nothing was written, and what was remembered of the source stays.
    """
    from clusterbook.fetch.fetch import fetch

    if "config" in words:
        from clusterbook.cli.config import fetch_words, read_config

        words = {**fetch_words(read_config(words["config"][0]), slug=slug), **words}
    where = words.get("from", [""])[0]
    if not where:
        raise MissingFlag("--from is missing", hint="type --from oci://HOST/BASE, or the folder or archive of a mirror")
    criteria = any(flag.key in words for flag in CRITERIA)
    return Reply(*fetch(kind, where, words, slug, around, criteria=criteria))
