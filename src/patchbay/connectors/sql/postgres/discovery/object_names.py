"""The names of relations as objects, and what follows from names alone."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.connectors.sql.postgres.discovery.rows import NamedRelation
from patchbay.schema_graph.badges import is_core_by_name
from patchbay.schema_graph.naming import object_name, path_roots, unique_slugs


class ObjectNames:
    """``names`` of all relations by oid, folded partitions included; of those that become objects the names again
    (``shown``, in the order of names), ``slugs`` and path ``roots`` by name, and the oids of those whose name tells that they are
    ``core``.
    """

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.shown: dict[int, str] = {}
        self.slugs: dict[str, str] = {}
        self.roots: dict[str, str] = {}
        self.core: set[int] = set()

    def work_out(self, default_schema: str, relations: Sequence[NamedRelation]) -> None:
        """Fill all of it. Needs the relations alone, so it can be done while the server still gathers the columns."""
        self.names = {oid: object_name(schema, name, default_schema) for oid, schema, name, _ in relations}
        shown = [(self.names[oid], name, oid) for oid, _, name, is_partition in relations if not is_partition]
        shown.sort()
        self.shown = {oid: name for name, _, oid in shown}
        self.slugs = unique_slugs(name for name, _, _ in shown)
        self.roots = path_roots((name, bare) for name, bare, _ in shown)
        self.core = {oid for _, bare, oid in shown if is_core_by_name(bare)}
