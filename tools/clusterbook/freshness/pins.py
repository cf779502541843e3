"""Pins: which version of which chart a catalog names, and where somebody would change it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from clusterbook.catalog.load import Catalog
from clusterbook.diagnostics.findings import Place


class ChartPin(NamedTuple):
    """One chart as a catalog pins it; `place` is where the version stands, `layer` the layer that says so."""

    component: str
    repository: str
    chart: str
    version: str
    place: Place
    layer: str = ""

    @property
    def is_oci(self) -> bool:
        """Whether the repository is a registry."""
        return self.repository.startswith("oci://")

    @property
    def name(self) -> str:
        """The chart's own name: what is left of `prometheus-community/kueue` without the repository's."""
        return self.chart.rpartition("/")[2]


def pins(catalog: Catalog) -> list[ChartPin]:
    """Return every chart that a catalog pins, those of the registry first, then what layers pin otherwise."""
    found = [pin for name in sorted(catalog.components) if (pin := _default(catalog, name))]
    known = {(pin.component, pin.version) for pin in found}
    for pin in _of_layers(catalog):
        if (pin.component, pin.version) not in known:
            known.add((pin.component, pin.version))
            found.append(pin)
    return sorted(found, key=lambda pin: (pin.component, pin.layer))


def _default(catalog: Catalog, component: str) -> ChartPin | None:
    """Return what the registry pins of a component, None where it has no chart."""
    defaults = catalog.components[component].defaults
    words = {key: str(defaults[key].value) for key in ("source", "chart", "version") if key in defaults}
    if not all(words.get(key) for key in ("source", "chart", "version")):
        return None
    return ChartPin(component, words["source"], words["chart"], words["version"], defaults["version"].place)


def _of_layers(catalog: Catalog) -> Iterator[ChartPin]:
    """Yield what overlays and mixins pin."""
    for layer in catalog.layers:
        for part in layer.components:
            version, entry = part.words.get("version"), catalog.components.get(part.name)
            default = _default(catalog, part.name) if entry else None
            if version is None or default is None:
                continue
            said = {key: str(part.words[key].value) for key in ("source", "chart") if key in part.words}
            yield ChartPin(
                part.name,
                said.get("source", default.repository),
                said.get("chart", default.chart),
                str(version.value),
                version.place,
                layer.name,
            )
