"""Mail addresses as they stand in an envelope (RFC 5321, section 4.1.2): ASCII, without quoting, comments or lists."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)(?!\.)(?!.*\.\.)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?<!\.)"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]\Z"
)


def mail_address(text: object) -> str | None:
    """The one address that ``text`` is, without blanks around it; None for anything else."""
    written = text.strip(" \t") if isinstance(text, str) else ""
    return written if _ADDRESS.match(written) else None
