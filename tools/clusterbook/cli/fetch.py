"""`fetch`: its flags, and those by which any command says from where and whom it believes.

Part of a fetch that has to be quick, so what only some need is imported for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from clusterbook.cli.flags import ANSWER, CRITERIA, Flag
from clusterbook.cli.reply import MissingFlag, Reply

if TYPE_CHECKING:
    from clusterbook.files.context import Context
    from clusterbook.oci.open import Access
    from clusterbook.trust.choose_policy import PolicyChoice

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


Words = Mapping[str, Sequence[str]]
"""The values of each flag by its key."""


def choice_of(words: Words) -> PolicyChoice:
    """Return whom a command line says to believe."""
    from clusterbook.trust.choose_policy import PolicyChoice

    def last(key: str) -> str | None:
        return words[key][0] if key in words else None

    return PolicyChoice(
        last("policy"),
        tuple(words.get("key", ())),
        last("certificate_identity"),
        last("certificate_identity_regexp"),
        last("certificate_oidc_issuer"),
        tuple(words.get("trust_root", ())),
        unsigned="allow_unsigned" in words,
    )


def access_of(words: Words, around: Context) -> Access:
    """Return how a command line speaks to registries and sites."""
    from clusterbook.oci.open import Access

    ca_file = words.get("ca_file", [""])[0]
    return Access("plain_http" in words, ca_file, environment=around.environment, home=around.home)


def respond(kind: str, words: Words, slug: str, around: Context) -> Reply:
    """Fetch a recipe, a bundle or an index.

    Args:
        kind: which of them.
        words: the values of each flag by its key.
        slug: what stands without a flag, `SLUG[@VERSION]` or "".
        around: environment, home and the time.

    Raises:
        ClusterbookError: nothing was written, and what was remembered of the source stays.
    """
    from clusterbook.fetch.fetch import FetchRequest, fetch

    if "config" in words:
        from clusterbook.cli.config import fetch_words, read_config

        words = {**fetch_words(read_config(words["config"][0]), slug=slug), **words}
    where = words.get("from", [""])[0]
    if not where:
        raise MissingFlag("--from is missing", hint="type --from oci://HOST/BASE, or the folder or archive of a mirror")
    wanted = FetchRequest(
        kind,
        where,
        slug,
        {flag.key: words[flag.key][0] for flag in CRITERIA if flag.key in words},
        allow_inherited="allow_inherited" in words,
        allow_withdrawn="allow_withdrawn" in words,
        deployer=words.get("deployer", ["helm"])[0],
        form=words.get("format", [None])[0],
        output=words.get("output", [None])[0],
        force="force" in words,
    )
    return Reply(*fetch(wanted, choice_of(words), access_of(words, around), around))
