"""A pack for the small CRM of the guides, written into a directory of the test's: what an author would add."""

from __future__ import annotations

import json
from pathlib import Path

from tests.api.guides.crm import openapi

PACK = """
kind: desk
version: "2026-01-05"
name: Desk
category: crm
description: The test's own CRM.
logo: desk
connect:
  type: rest
  fields:
    - {name: region, label: Region, pattern: '[a-z]{2}', help: Two letters.}
    - {name: key, label: API key, secret: true}
  baseUrl: https://{region}.desk.example/api
  auth: {scheme: bearer}
  secrets: {token: key}
  verify: {path: /me}
  accountLabel: Desk {region}
scoping: {blockedColumns: {Company: [taxNumber]}}
"""
ACTIONS = """
- slug: find_caller
  name: Recognise the account
  description: Who is calling, by the number that rings.
  binding:
    operation: findContact
    inputs: [{param: caller_number, arg: phone, source: session}]
    projection: [{path: [contact, name], leaf: name}]
- slug: find_contact
  name: Find a contact
  description: Find a contact by phone.
  key: false
  configuration:
    - {name: note, label: Note, type: string, description: Said to the agent.}
  binding:
    operation: findContact
    inputs: [{param: caller_phone, arg: phone, required: true, description: 'A number. ${note}'}]
    projection: [{path: [contact, name], leaf: name}, {path: [contact, company, name], leaf: company}]
- slug: rename
  name: Rename a contact
  description: Give a contact another name.
  effect: write
  stakes: low
  configuration:
    - {name: wording, label: Wording, type: string, default: The new name}
  binding:
    operation: updateContact
    inputs:
      - {param: contact_id, arg: id, required: true}
      - {param: new_name, arg: body.name, required: true, description: '${wording}'}
    projection: [{path: [name], leaf: name}]
"""
PRESETS = """
- {slug: who_calls, name: Who is calling, description: The name of who rings., action: find_caller}
- slug: ask_nicely
  name: Look somebody up
  description: Find a contact.
  action: find_contact
  configuration: {note: Ask nicely.}
"""
GUIDANCE = """
behaviour: [It knows two people.]
identifyingCallers: [By the number that rings.]
"""


def write_pack(parent: Path, *, pack: str = PACK, actions: str = ACTIONS) -> Path:
    """The pack's directory under ``parent``."""
    directory = parent / "desk"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "api.yaml").write_text(json.dumps(openapi()))
    for name, text in (("pack", pack), ("actions", actions), ("presets", PRESETS), ("guidance", GUIDANCE)):
        (directory / f"{name}.yaml").write_text(text)
    return parent
