"""What the server says of a statement it has parsed and not run: how many placeholders, and where its columns come from."""

from __future__ import annotations

import struct
from typing import Any, cast

import msgspec
from pymysql.constants import COMMAND
from pymysql.protocol import FieldDescriptorPacket

from patchbay.connectors.sql.mysql.session import Connection


class DescribedColumn(msgspec.Struct, frozen=True):
    """An output. ``type`` is its type byte, the rest the column of a table that it is.

    Of an expression there is no origin; of a view MariaDB gives the statement's alias, or nothing.
    """

    database: str
    table: str
    column: str
    type: int


class Description(msgspec.Struct, frozen=True):
    """A prepared statement."""

    placeholders: int
    columns: tuple[DescribedColumn, ...]


def describe(connection: Connection, sql: str) -> Description:
    """Have ``sql`` prepared and forgotten again: names, privileges and types are looked up, nothing is run.

    By the protocol's own command (https://mariadb.com/kb/en/com_stmt_prepare/), whose answer PyMySQL can take apart but has no
    function for. Raises pymysql.Error.
    """
    driver = cast(Any, connection)
    driver._execute_command(COMMAND.COM_STMT_PREPARE, sql)
    head = driver._read_packet()
    head.advance(1)
    number, columns, placeholders = head.read_uint32(), head.read_uint16(), head.read_uint16()
    _definitions(driver, placeholders)
    found = _definitions(driver, columns)
    driver._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", number))
    return Description(placeholders, tuple([_column(one) for one in found]))


def _definitions(driver: Any, count: int) -> list[Any]:
    """So many column definitions, and what ends them."""
    found = [driver._read_packet(FieldDescriptorPacket) for _ in range(count)]
    if found:
        driver._read_packet()
    return found


def _column(field: Any) -> DescribedColumn:
    return DescribedColumn(field.db.decode(), field.org_table, field.org_name, field.type_code)
