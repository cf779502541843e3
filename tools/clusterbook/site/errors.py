"""What can be wrong with the site's own sources, as errors with a code and a place."""

from __future__ import annotations

from clusterbook.diagnostics.errors import ClusterbookError


class BrokenPageTemplate(ClusterbookError):
    """A template of the site cannot be read, or asks for a fact or an icon that does not exist.

    Nothing was written. Mend the template at the place that the message names.
    """

    code = "CB201"
    exit_status = 8


class BrokenSite(ClusterbookError):
    """The site would be broken: a link leads nowhere, a mark is missing, or the generator of authored pages fails.

    Nothing was written; the site that stood there still stands.
    """

    code = "CB202"
    exit_status = 8
