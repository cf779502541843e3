"""Icons: the few drawings the site uses, as SVG of our own. Knows their names; any other is a mistake in a template."""

from __future__ import annotations

from markupsafe import Markup

from clusterbook.diagnostics.errors import did_you_mean

_PATHS = {
    "curated": "M3 8.5 6.5 12 13 4.5",
    "composed": "M2.5 2.5h7v7h-7zM6.5 6.5h7v7h-7z",
    "inherited": "M8 2.5v9M4.5 8 8 11.5 11.5 8M3.5 14h9",
    "unsupported": "M4 4l8 8M12 4l-8 8",
    "unknown": "M5.5 6a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.7-.9 1.4M8 12.6v.2",
    "withdrawn": "M8 2.5 14 13H2zM8 6.5v3M8 11.2v.1",
    "new": "M8 3v10M3 8h10",
    "changed": "M3 5.5h9L9.5 3M13 10.5H4L6.5 13",
    "gone": "M3 8h10",
    "feed": "M3.5 12.5h.1M3.5 8a4.5 4.5 0 0 1 4.5 4.5M3.5 3.5a9 9 0 0 1 9 9",
    "data": "M5.5 3c-2 0-1 4-3 5 2 1 1 5 3 5M10.5 3c2 0 1 4 3 5-2 1-1 5-3 5",
}


def icon(name: str) -> Markup:
    """Return a drawing as an element; it says nothing that the text beside it does not say.

    Raises:
        KeyError: there is no such icon.
    """
    if name not in _PATHS:
        raise KeyError(f"there is no icon '{name}': {did_you_mean(name, _PATHS)}")
    drawing = Markup('<svg class="cb-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>')
    return drawing.format(_PATHS[name])
