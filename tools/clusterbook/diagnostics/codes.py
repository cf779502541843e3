"""Codes: every kind of finding there is, what it means and how to mend it.

Knows each code by heart, so that a message, a SARIF report and the page on the site say the same. Does not know how a
finding is found. Codes are stable: one that is no longer used is not given to something else.
"""

from __future__ import annotations

from typing import NamedTuple

from clusterbook.diagnostics.findings import Finding, Place, Severity


class Code(NamedTuple):
    """One kind of finding: `title` is what is wrong in few words, `why` why it matters, `mend` what to do about it."""

    code: str
    title: str
    severity: Severity
    why: str
    mend: str


def finding(code: str, place: Place, what: str, hint: str = "") -> Finding:
    """Return a finding with the severity that its code has."""
    return Finding(code, place, what, hint, CODES[code].severity)


_TABLE = (
    # --- reading YAML
    Code(
        "CB001",
        "file too large",
        "error",
        "A source file of this size is a mistake or an attack; it is refused before it is read.",
        "Split it, or carry the data elsewhere.",
    ),
    Code(
        "CB002",
        "not YAML",
        "error",
        "The file cannot be read from this place on, so nothing in it is checked.",
        "Look at indentation, quotes and colons on the line and the one above. Quote what starts with `>`, `*` or `&`.",
    ),
    Code(
        "CB003",
        "nested too deep",
        "error",
        "No chart takes values this deep; such a file is made to exhaust its reader.",
        "Flatten it.",
    ),
    Code(
        "CB004",
        "too many values",
        "error",
        "Aliases can turn ten lines into a billion values; the file is refused once it says more than a million.",
        "Write the values out, or split the file.",
    ),
    Code(
        "CB005",
        "key stands twice",
        "error",
        "Only one of the two can count, and readers do not agree which.",
        "Remove one of them, or merge what they hold.",
    ),
    Code(
        "CB006",
        "YAML feature that is not read",
        "error",
        "Tags, and in our own sources aliases and merge keys, hide where a value comes from; layers do that openly.",
        "Write the value itself; say what is common in a broader overlay or a mixin.",
    ),
    Code(
        "CB007",
        "file that cannot be read",
        "error",
        "A link, a file over 10 MB, or bytes that are not UTF-8 make the tree read differently on another machine.",
        "Save it as UTF-8 text; copy what a link points to.",
    ),
    # --- shapes
    Code(
        "CB010",
        "wrong kind of value",
        "error",
        "The document says something in a place where something else is expected.",
        "Write what the message asks for; editors show it when the first line names the schema.",
    ),
    Code("CB011", "key missing", "error", "Without it the document says nothing that could be used.", "Add the key."),
    Code(
        "CB012",
        "unknown key",
        "error",
        "A key that nobody reads changes nothing, silently. In trees of others it is a warning.",
        "Correct the spelling; the hint names the nearest known key.",
    ),
    Code(
        "CB014",
        "required file missing",
        "error",
        "Every tree has a component registry and a base overlay; nothing resolves without them.",
        "Add the file.",
    ),
    Code(
        "CB015",
        "document of another kind",
        "error",
        "The `kind` or `apiVersion` says that this file means something else than its folder does.",
        "Correct it, or move the file.",
    ),
    # --- references
    Code(
        "CB020",
        "unknown base",
        "error",
        "The overlay builds on an overlay that does not exist, so most of its recipe is missing.",
        "Correct the name, or add the overlay.",
    ),
    Code(
        "CB021",
        "overlays build on each other in a circle",
        "error",
        "None of them has a beginning, so none can be resolved.",
        "Remove one `base`.",
    ),
    Code(
        "CB022",
        "unknown mixin",
        "error",
        "The overlay names a mixin that does not exist.",
        "Correct the name, or add the mixin.",
    ),
    Code(
        "CB023",
        "component not in the registry",
        "error",
        "Without a registry entry a component has no defaults, no scheduling paths and no health check.",
        "Correct the name, or add an entry to registry.yaml.",
    ),
    Code(
        "CB024",
        "unknown dependency",
        "error",
        "The component waits for something that exists nowhere, so it could never be deployed.",
        "Correct the name, or remove the dependency.",
    ),
    Code(
        "CB025",
        "file that does not exist",
        "error",
        "A values file, manifest or health check is named that is not in the tree.",
        "Correct the path, which counts from the tree's root, or add the file.",
    ),
    Code(
        "CB026",
        "path that leaves the tree",
        "error",
        "A bundle must not depend on, or reveal, what lies outside the tree.",
        "Write the path from the tree's root, without `..`.",
    ),
    Code(
        "CB027",
        "unknown check",
        "error",
        "A check that no validator carries out in its phase would be skipped, and the cluster called valid.",
        "Correct the name or move it to its phase; validators/catalog.yaml lists both.",
    ),
    Code(
        "CB028",
        "name used twice",
        "error",
        "One of the two documents would win, and which one depends on the order of files.",
        "Give each its own name.",
    ),
    # --- contradictions
    Code(
        "CB030",
        "recipe that contradicts itself",
        "error",
        "The layers that one query matches cannot be deployed together.",
        "Mend the layer that the message names.",
    ),
    Code(
        "CB032",
        "malformed constraint",
        "error",
        "A constraint that cannot be read fails on every cluster.",
        "Write `Type.Subtype.Key` and an expression such as `>= 1.30`, in quotes.",
    ),
    Code(
        "CB033",
        "unknown criteria value",
        "error",
        "The overlay claims a value that no query may use, so nothing ever selects it.",
        "Correct the spelling, or add the value to criteria.yaml.",
    ),
    Code(
        "CB034",
        "two recipes with one name",
        "error",
        "A recipe is named after its criteria; two different sets that spell the same name cannot both be published.",
        "Rename one of the values.",
    ),
    Code(
        "CB035",
        "file name and metadata.name differ",
        "error",
        "People look for a layer by its name, and messages and bundles quote that name.",
        "Rename the file or the document.",
    ),
    Code(
        "CB036",
        "ambiguous override key",
        "error",
        "`--set KEY:…` would speak to two components, or to the deployer.",
        "Choose a key that no other component and no component name uses.",
    ),
    Code(
        "CB037",
        "component listed twice",
        "error",
        "Two entries of one overlay for one component merge in file order, which nobody expects.",
        "Merge the two entries.",
    ),
    Code(
        "CB038",
        "Helm and Kustomize at once",
        "error",
        "A component is deployed one way; the other half of its entry would be ignored.",
        "Keep one of `helm` and `kustomize`.",
    ),
    # --- doubts
    Code(
        "CB040",
        "lowered version floor",
        "warning",
        "A broader layer demands a newer version for a reason; this one replaces the demand by a weaker one.",
        "Raise the floor to what is inherited, or remove the constraint so that it is inherited.",
    ),
    Code(
        "CB041",
        "disagreement between equals",
        "warning",
        "Two overlays match one query, equally specific, neither built on the other: the alphabet decides who wins.",
        "Say it in one place, make the values equal, or add an overlay that claims both criteria and decides.",
    ),
    Code(
        "CB042",
        "overlay that nothing selects",
        "warning",
        "No query matches it and no overlay builds on it, so it is in no recipe.",
        "Give it `criteria`, build on it, or remove it.",
    ),
    Code(
        "CB043",
        "value equal to what is inherited",
        "warning",
        "What is said twice is changed once: the copy stays behind when the original moves.",
        "Remove it; the recipe stays the same.",
    ),
    Code(
        "CB044",
        "version differs from the registry's",
        "warning",
        "Two versions of one chart are tested half as well, and a bump in the registry does not reach this one.",
        "Move the registry, remove the version, or say `# allow CB044: reason`.",
    ),
    Code(
        "CB045",
        "moving tag",
        "warning",
        "A tag or version range that can point at other bytes tomorrow makes the same recipe two different clusters.",
        "Name a released version or a digest.",
    ),
    Code("CB046", "unquoted version", "warning", "YAML reads 1.10 as the number 1.1.", "Put the version in quotes."),
    Code(
        "CB047",
        "key that the chart does not have",
        "warning",
        "A chart ignores values it does not know, so the setting has no effect.",
        "Correct the path; `helm show values` prints those of the chart.",
    ),
    Code(
        "CB048",
        "no health check",
        "warning",
        "Nobody can tell whether this component works once it is deployed.",
        "Add checks/<component>/health-check.yaml and name it under `healthCheck.assertFile`.",
    ),
    Code(
        "CB049",
        "value that looks like a secret",
        "warning",
        "What is published is public for ever, and a default password is used for ever.",
        "Remove it and refer to a Kubernetes Secret; change it if it was real.",
    ),
    Code(
        "CB050",
        "no schema line",
        "warning",
        "Editors complete and check a file only when its first line names its schema.",
        "Make the line that the hint shows the first one.",
    ),
    Code(
        "CB051",
        "pin, limit or switch-off without a reason",
        "warning",
        "Nobody dares to move what nobody can explain.",
        "Write `# why: …` above it, in your own words.",
    ),
    Code(
        "CB052",
        "file that nothing uses",
        "warning",
        "It is kept up to date, reviewed and shipped, and changes no recipe.",
        "Name it where it belongs, give it a name that is read (overlays and mixins end in .yaml), or remove it.",
    ),
    Code(
        "CB053",
        "allowance without a use",
        "warning",
        "`# allow` stands where nothing is found, so the next real finding would hide behind it.",
        "Remove it, or correct its code; it speaks for its own line and the one below its comment.",
    ),
    Code(
        "CB054",
        "two overlays claim the same criteria",
        "warning",
        "Every query that one of them matches takes in the other too, and the alphabet decides which is merged last.",
        "Merge the two, build one on the other, or claim what sets them apart; or say `# allow CB054: reason`.",
    ),
    Code(
        "CB055",
        "switch that switches nothing",
        "warning",
        "Only a real `false` takes a component out of a recipe; any other value leaves it in, silently.",
        "Write `enabled: true` or `enabled: false`, without quotes.",
    ),
    # --- manifests
    Code(
        "CB056",
        "manifest that is no template",
        "error",
        "Bundles carry manifests as their templates say; from one that cannot be read no bundle is made. In trees of "
        "others, a function that exists only in Helm is a warning.",
        "Correct it at the place named; what it calls and we lack can be computed in the component's values.",
    ),
    # --- the ledger
    Code(
        "CB060",
        "published file edited or removed",
        "error",
        "Somebody may have deployed what it said; the ledger is a record, and a record that changes proves nothing.",
        "Take it back from the commit it was in. To take a version out of use, type `clusterbook-build withdraw`.",
    ),
    Code(
        "CB061",
        "ledger that contradicts itself",
        "error",
        "What is served would not be what was signed, or could not be found.",
        "Take the files back as Git has them; they are written by `clusterbook-build release` alone.",
    ),
    Code(
        "CB062",
        "recipeVersion without effect",
        "warning",
        "It says less than the changes ask for, or what was published long ago; the computed version is taken.",
        "Raise it, or remove it.",
    ),
    Code(
        "CB063",
        "withdrawn version still served",
        "warning",
        "Nothing in the recipe has changed since its version was withdrawn, so the release serves it on.",
        "Mend what it was withdrawn for; the recipe then gets a version of its own.",
    ),
    Code(
        "CB064",
        "evidence that proves no version",
        "error",
        "Pages would claim that a recipe was validated, and nobody could find out whether it is so.",
        "Make it again from a version that was released, with `clusterbook validate --evidence`, or leave it out.",
    ),
)

CODES: dict[str, Code] = {code.code: code for code in _TABLE}
"""Every code a finding may have, by code."""
