"""What can be wrong with the site's own sources, as errors with a code and a place."""

from __future__ import annotations

from clusterbook.diagnostics.errors import ClusterbookError


class BrokenPageTemplate(ClusterbookError):
    """A template of the site cannot be read, or asks for a fact or an icon that does not exist.

    Nothing was written. Fix the template at the place that the message names.
    """

    code = "CB201"
    exit_status = 8


class BrokenSite(ClusterbookError):
    """The site would be broken: a dead link, a missing marker, or a failure of the generator of authored pages.

    Nothing was written; the previous site is unchanged.
    """

    code = "CB202"
    exit_status = 8
