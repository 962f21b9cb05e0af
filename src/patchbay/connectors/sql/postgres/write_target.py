"""What a write would find on the live database: the kind of its table, what it sets off, its unique keys."""

from __future__ import annotations

import msgspec

from patchbay.connectors.proof import CallNotProvable
from patchbay.connectors.sql.postgres.backend import Backend
from patchbay.connectors.sql.side_effects import WriteTarget

# pg_trigger.tgtype: 4 on insert, 16 on update. pg_rewrite.ev_type: 3 on insert, 2 on update.
_EVENTS = {"insert": (4, "3"), "update": (16, "2")}
_TARGET = b"""
WITH RECURSIVE tree(oid, root) AS (
  SELECT c.oid, true FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2
  UNION SELECT i.inhrelid, false FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT 'kind', c.relkind::text, tree.root::text FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid
UNION ALL
SELECT 'trigger', t.tgname::text, '' FROM tree JOIN pg_catalog.pg_trigger t ON t.tgrelid = tree.oid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype::int & $3::int <> 0
UNION ALL
SELECT CASE WHEN r.is_instead THEN 'instead' ELSE 'rule' END, r.rulename::text, ''
FROM tree JOIN pg_catalog.pg_rewrite r ON r.ev_class = tree.oid WHERE r.ev_type::text = $4::text AND r.ev_enabled <> 'D'
UNION ALL
SELECT 'key', (SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
               WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]))::text, ''
FROM tree JOIN pg_catalog.pg_index i ON i.indrelid = tree.oid
WHERE tree.root AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
UNION ALL
SELECT 'numbered', a.attname::text, ''
FROM tree JOIN pg_catalog.pg_attribute a ON a.attrelid = tree.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE tree.root AND (a.attidentity <> '' OR pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%')
"""


async def write_target(backend: Backend, schema: str | None, table: str, verb: str, deadline: float) -> WriteTarget:
    """The table as it is now. Raises CallNotProvable when there is none, and what :meth:`Backend.run` raises."""
    trigger, rule = _EVENTS[verb]
    values = [(schema or "public").encode(), table.encode(), b"%d" % trigger, rule.encode()]
    answer = await backend.run(_TARGET, values, rows=1_000, limit=1_048_576, deadline=deadline)
    rows = [tuple((value or b"").decode() for value in row) for row in answer.rows]
    kinds = [(name, root == "true") for what, name, root in rows if what == "kind"]
    if not any(root for _, root in kinds):
        raise CallNotProvable("schema_changed")
    return WriteTarget(
        plain=all(kind in "rp" for kind, _ in kinds) and not any(what == "instead" for what, _, _ in rows),
        transactional=True,
        side_effects=tuple(dict.fromkeys(name for what, name, _ in rows if what in ("trigger", "rule"))),
        keys=tuple(frozenset(msgspec.json.decode(name, type=list[str])) for what, name, _ in rows if what == "key"),
        numbered=tuple(name for what, name, _ in rows if what == "numbered"),
    )
