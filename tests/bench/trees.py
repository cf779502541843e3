"""Synthetic source trees, as large as asked for and the same every time.

Shaped like the reference's of July 2026: a base with most components, a chain base ← service ← service-intent ←
accelerator-service-intent ← …-os-… ← …-platform for every supported combination, services that need an OS, wildcard
overlays per accelerator, three mixins, thirty components with a values file, variants and a health check each. A recipe
has some 300 values in 15 components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

HEAD = "# yaml-language-server: $schema=../../schemas/v1/{schema}.json\napiVersion: aicr.run/v1alpha2\nkind: {kind}\n"
INTENTS = ("training", "inference")
COMPONENTS = 30
IN_BASE = 14
GATED = ("svc06", "svc07")
"""Services that only exist with one operating system, as some do."""
MIXINS = ("os-common", "net-common", "platform-common")


class Size(NamedTuple):
    """How many overlays, and how many values each dimension has besides `any`."""

    overlays: int = 100
    services: int = 8
    accelerators: int = 8
    systems: int = 6
    platforms: int = 5

    @property
    def tuples(self) -> int:
        """Return how many combinations of criteria there are; intents are always two."""
        return (self.services + 1) * (self.accelerators + 1) * 3 * (self.systems + 1) * (self.platforms + 1)


REFERENCE = Size()
"""10,206 tuples, 100 overlays: what the reference's tree of July 2026 has."""
MILLION = Size(services=36, accelerators=31, systems=16, platforms=16)
"""A million tuples and no more recipes: most values are known, but nothing supports them."""


def files(size: Size = REFERENCE) -> dict[str, str]:
    """Return the texts of a tree by path below its root."""
    found = {"registry.yaml": registry(), "criteria.yaml": criteria(size), "overlays/base.yaml": base()}
    for name, spec in list(overlays(size))[: size.overlays - 1]:
        found[f"overlays/{name}.yaml"] = overlay(name, spec)
    for number, name in enumerate(MIXINS):
        found[f"mixins/{name}.yaml"] = mixin(number, name)
    for number in range(COMPONENTS):
        found |= component(number)
    return found


def write(root: Path, size: Size = REFERENCE) -> Path:
    """Return `root`, with a tree in it."""
    for path, text in files(size).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def values(kind: str, count: int) -> list[str]:
    """Return the values of a dimension."""
    return [f"{kind}{number:02}" for number in range(count)]


def criteria(size: Size) -> str:
    """Return the file of allowed criteria values."""
    axes: Mapping[str, list[str]] = {
        "service": values("svc", size.services),
        "accelerator": values("gpu", size.accelerators),
        "intent": list(INTENTS),
        "os": values("os", size.systems),
        "platform": values("plat", size.platforms),
    }
    head = "apiVersion: clusterbook.dev/v1alpha1\nkind: CriteriaCatalog\nmetadata: {name: criteria}\n"
    body = "".join(f"    {name}: {{values: [{', '.join(words)}]}}\n" for name, words in axes.items())
    return f"{head}spec:\n  dimensions:\n{body}"


def registry() -> str:
    """Return the component registry."""
    return (
        HEAD.format(schema="component-registry", kind="ComponentRegistry")
        + "components:\n"
        + "".join(
            f"""\
  - name: component-{number:02}
    displayName: Component {number}
    valueOverrideKeys:
      - component{number:02}
    helm:
      defaultRepository: https://charts.example/component-{number:02}
      defaultChart: example/component-{number:02}
      defaultVersion: v1.{number}.0
      defaultNamespace: namespace-{number:02}
    healthCheck:
      assertFile: checks/component-{number:02}/health-check.yaml
    nodeScheduling:
      system:
        nodeSelectorPaths:
          - operator.nodeSelector
        tolerationPaths:
          - operator.tolerations
"""
            for number in range(COMPONENTS)
        )
    )


def overlays(size: Size) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield name and criteria of overlays: wildcards and services first, then one supported combination at a time."""
    services, accelerators = values("svc", min(size.services, 8)), values("gpu", min(size.accelerators, 8))
    yield "monitoring", {"intent": "any"}
    for accelerator in accelerators:
        yield f"{accelerator}-any", {"accelerator": accelerator}
    chosen = [{"service": service, **({"os": "os05"} if service in GATED else {})} for service in services]
    chosen += [{**said, "intent": intent} for said, intent in product(chosen, INTENTS)]
    for number, (accelerator, said) in enumerate(product(accelerators, chosen[len(services) :])):
        one = {**said, "accelerator": accelerator}
        two = {"os": f"os{number % 3:02}", **one}
        chosen += [one, *([two] if two != one else []), {**two, "platform": f"plat{number % 4:02}"}]
    for said in chosen:
        yield slug(said), said


def slug(said: Mapping[str, str]) -> str:
    """Return what an overlay with these criteria is called."""
    return "-".join(said[name] for name in ("accelerator", "service", "os", "intent", "platform") if name in said)


def base() -> str:
    """Return the overlay that everything builds on."""
    refs = "".join(
        f"""\
    - name: component-{number:02}
      type: Helm
      valuesFile: components/component-{number:02}/values.yaml
      dependencyRefs:
        - component-{number // 3:02}
"""
        for number in range(1, IN_BASE)
    )
    return (
        HEAD.format(schema="recipe-metadata", kind="RecipeMetadata")
        + "metadata:\n  name: base\nspec:\n  constraints:\n"
        + "    # why: the oldest server that every component here still supports\n"
        + "    - name: K8s.server.version\n      value: \">= 1.25\"\n"
        + "  componentRefs:\n    - name: component-00\n      type: Helm\n"
        + "      valuesFile: components/component-00/values.yaml\n"
        + refs
        + "  validation:\n    deployment:\n      checks:\n        - operator-health\n        - expected-resources\n"
    )  # fmt: skip


def overlay(name: str, said: Mapping[str, str]) -> str:
    """Return an overlay with what its kind says: a parent, constraints, components, overrides, checks."""
    depth = len(said)
    seed = sum(map(ord, name))
    lines = [
        HEAD.format(schema="recipe-metadata", kind="RecipeMetadata").rstrip(),
        "metadata:",
        f"  name: {name}",
        "spec:",
        *([f"  base: {parent(said)}"] if parent(said) else []),
        "  criteria:",
        *(f"    {key}: {value}" for key, value in said.items()),
        "  constraints:",
        "    # why: what this combination was last validated with",
        f"    - name: {'K8s.server.version' if depth > 1 else f'Gate.{name}'}",
        f'      value: ">= 1.{25 + depth}"',
    ]
    if "platform" in said:
        lines += ["  mixins:", f"    - {MIXINS[seed % len(MIXINS)]}"]
    lines.append("  componentRefs:")
    for offset in range(2 + depth // 2):
        number = (seed + offset * 5) % IN_BASE
        lines += [
            f"    - name: component-{number:02}",
            f'      version: "v2.{depth}.{offset}"',
            f"      valuesFile: components/component-{number:02}/values-{'ab'[seed % 2]}.yaml",
            "      # why: the defaults of the chart do not fit this hardware",
            "      overrides:",
            "        operator:",
            "          resources:",
            f'            limits: {{cpu: "{depth + offset}", memory: {depth}Gi}}',
            f"        feature{seed % 7}: {{enabled: true, level: {depth}, note: null}}",
            "        args:",
            *(f"          - --{name}-flag-{index}" for index in range(4)),
        ]
    if depth > 1:
        extra = IN_BASE + seed % (COMPONENTS - IN_BASE)
        lines += [
            f"    - name: component-{extra:02}",
            "      type: Helm",
            f"      valuesFile: components/component-{extra:02}/values.yaml",
            f"      dependencyRefs: [component-{seed % IN_BASE:02}]",
            f"      manifestFiles: [components/component-{extra:02}/manifests/extra.yaml]",
        ]
    lines += [
        "  validation:",
        "    conformance:",
        "      checks:",
        f"        - check-{seed % 13}",
        f"        - check-{depth}",
    ]
    return "\n".join(lines) + "\n"


def parent(said: Mapping[str, str]) -> str:
    """Return the overlay that one with these criteria builds on."""
    gated = said.get("service") in GATED
    for dropped in ("platform", *(() if gated else ("os",)), "accelerator", "intent"):
        if dropped in said:
            return slug({name: value for name, value in said.items() if name != dropped}) if "service" in said else ""
    return ""


def mixin(number: int, name: str) -> str:
    """Return a mixin that brings a constraint and a component of its own."""
    return (
        HEAD.format(schema="recipe-mixin", kind="RecipeMixin")
        + f"metadata:\n  name: {name}\nspec:\n  constraints:\n    - name: Mixin.{name}\n      value: \"{number}\"\n"
        + f"  componentRefs:\n    - name: component-{number:02}\n      preManifestFiles: [components/x/{name}.yaml]\n"
    )  # fmt: skip


def component(number: int) -> dict[str, str]:
    """Return the files of a component: values, two variants, a manifest and a health check."""
    name = f"component-{number:02}"
    folder = f"components/{name}"
    note = (
        "# Why these values differ from the chart's own is said beside each of them, as the style of the house asks.\n"
    )
    whole = note * 4 + "".join(
        f"""\
{part}:
  # why: measured on the hardware this is for
  enabled: true
  replicas: {number % 3 + 1}
  image: {{repository: registry.example/{name}/{part}, tag: "v1.{number}.0", pullPolicy: IfNotPresent}}
  resources:
    limits: {{cpu: 500m, memory: 512Mi}}
    requests: {{cpu: 100m, memory: 128Mi}}
  tolerations:
    - {{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}}
    - {{key: dedicated, operator: Equal, value: system, effect: NoExecute}}
"""
        for part in ("operator",)
    )
    variants = {
        letter: f"# why: variant {letter} of {name}\noperator:\n  replicas: 3\n  resources:\n"
        f"    limits: {{cpu: 2, memory: 4Gi}}\n{letter}:\n"
        + "".join(f"  setting-{index}: {index}\n" for index in range(6))
        + "removed: null\n"
        for letter in "ab"
    }
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n" + "".join(
        f"  line-{index}: '{{{{ .Values.operator.replicas }}}} of {index}'\n" for index in range(60)
    )
    check = (
        f"apiVersion: chainsaw.kyverno.io/v1alpha1\nkind: Test\nmetadata: {{name: {name}}}\nspec:\n  steps:\n"
        + "".join(
            f"    - assert: {{resource: {{kind: Deployment, metadata: {{name: {name}-{index}}}}}}}\n"
            for index in range(20)
        )
    )
    return {
        f"{folder}/values.yaml": whole,
        f"{folder}/values-a.yaml": variants["a"],
        f"{folder}/values-b.yaml": variants["b"],
        f"{folder}/manifests/extra.yaml": manifest,
        f"checks/{name}/health-check.yaml": check,
    }
