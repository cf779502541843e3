"""Words of the reference's command line: what is spelled otherwise here is taken, or answered with what does it here.

Source: its command-line reference of v1, and reference row R44.
"""

from __future__ import annotations

from collections.abc import Mapping

SPELLINGS: Mapping[tuple[str, str], str] = {("recipe", "list"): "list", ("recipe", "validate"): "check"}
"""Commands of two words that are one here."""
FLAGS: Mapping[str, str] = {
    "--attest": "sign a bundle with --sign-key FILE, or keyless with --keyless",
    "--baseline": "give both as arguments: clusterbook diff OLD NEW",
    "--target": "give both as arguments: clusterbook diff OLD NEW",
    "--emit-signing-config": "name a Sigstore instance of your own where you sign, with --trust-config FILE",
    "--signing-config": "name a Sigstore instance of your own with --trust-config FILE",
    "--dra-eviction-node-label": "no component waits for such a label; --set COMPONENT:PATH=VALUE sets any value",
    "--insecure-ignore-tlog": "signatures with a key need no transparency log: verify with --key FILE",
    "--insecure-tls": "name its CA certificate with --ca-file FILE, or use plain HTTP with --plain-http",
    "--split": "a bundle leaves components out with --set COMPONENT:enabled=false",
}
"""What to type instead of a flag that there is none of here."""
PROGRAM: Mapping[str, str] = {
    "upgrade-check": "clusterbook upgrade plan FROM TO shows what an upgrade changes, and exits 10 when it needs you",
    "skill": "clusterbook --help and the guide list the commands",
}
"""What to type instead of a command that there is none of here."""


def plain_words(words: list[str]) -> list[str]:
    """Return a command line with a command of two words as the one that it is here."""
    spelled = SPELLINGS.get((words[0], words[1])) if len(words) > 1 else None
    return words if spelled is None else [spelled, *words[2:]]
