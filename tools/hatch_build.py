"""The build hook: a wheel carries the answers, so the catalog is resolved while the wheel is made.

What the index holds is the business of `clusterbook.lookup.write`, what shells complete that of
`clusterbook.cli.completion.words`, and manual pages that of `clusterbook.cli.manual.pages`. A wheel without an index is
never made.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.utils import get_reproducible_timestamp


class IndexHook(BuildHookInterface[Any]):
    """Writes tools/clusterbook/lookup/index/ before hatchling collects the files of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the index and have the wheel take its files, which git ignores and hatchling would therefore leave out.

        Args:
            version: `standard` for a wheel, `editable` for a checkout in use. Sources that do not resolve stop the
                first; the second goes on, since it is what brings `clusterbook-build check` to whoever mends them.
            build_data: hatchling's; its `artifacts` grow by the files of the index, `shared_data` by manual pages.
        """
        root = Path(self.root)
        sys.path.insert(0, str(root / "tools"))
        try:
            written = self._embed(root, fatal=version != "editable")
            pages = import_module("clusterbook.cli.manual.pages").write_manual(_day())
        finally:
            sys.path.remove(str(root / "tools"))
        build_data["artifacts"] += [f"/{path.relative_to(root).as_posix()}" for path in written]
        build_data["shared_data"] |= {str(path): f"share/man/man1/{path.name}" for path in pages}

    def _embed(self, root: Path, *, fatal: bool) -> list[Path]:
        """Return the files that were written; none when the sources are wrong and that is not `fatal`."""
        error_family: type[Exception] = import_module("clusterbook.diagnostics.errors").ClusterbookError
        try:
            package = root / "tools" / "clusterbook" / "lookup" / "index"
            index = import_module("clusterbook.lookup.write").build_index(root / "recipes", package=package).embedded
            return [*index, import_module("clusterbook.cli.completion.words").write_words()]
        except error_family as error:
            if fatal:
                raise SystemExit(f"{error}\nclusterbook: the index was not written, so there is no wheel") from error
            self.app.display_warning(f"{error}\nno index is embedded: run `clusterbook-build check`")
            return []


def _day() -> str:
    """Return the day that pages are dated by: SOURCE_DATE_EPOCH's, else the one that hatchling dates archives by."""
    return datetime.fromtimestamp(get_reproducible_timestamp(), UTC).date().isoformat()
