"""What is refused of a request about sources."""

from __future__ import annotations

from patchbay.errors import Conflict, NotFound, Unprocessable


class SourceNotFound(NotFound):
    """This agent has no such knowledge source."""


class DuplicateSource(Conflict):
    """This agent has a source of the same content already (duplicate_source); refresh that one, or delete it first."""

    code, title = "duplicate_source", "Duplicate source"


class TooManySources(Conflict):
    """An agent has so many sources and no more (too_many_sources); delete some that are no longer used."""

    code, title = "too_many_sources", "Too many sources"


class SourceNotRefreshable(Unprocessable):
    """Only a source that is a web page is read again (source_not_refreshable). Add a new source and delete this one."""

    code, title = "source_not_refreshable", "Source not refreshable"
