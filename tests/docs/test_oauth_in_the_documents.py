"""What the documents say of OAuth is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

from patchbay.connectors.connecting import Known, parse_connect
from patchbay.connectors.oauth.callback_address import CALLBACK_PATH
from patchbay.connectors.oauth.status import Reason

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECTION = (DOCS / "guide.md").read_text().partition("## Systems that ask a person")[2].partition("\n## ")[0]


def test_the_connect_of_the_guide_is_one() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    request = parse_connect("acme_crm", json.loads(block), Known(), "https://patchbay.acme.example")
    assert request.interactive
    assert request.return_to == "https://patchbay.acme.example/integrations"


def test_the_redirect_uri_to_register_is_the_one_that_is_sent() -> None:
    assert f"`{CALLBACK_PATH}`" in (DOCS / "configuration.md").read_text()


def test_every_reason_is_explained() -> None:
    assert not [reason for reason in get_args(Reason) if f"`{reason}`" not in SECTION]
