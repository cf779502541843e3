"""The flags of `fetch`, and those by which any command says from where and whom it believes.

Knows their names and help. Does not know what they do.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.cli.flags import ANSWER, CRITERIA, Flag

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
