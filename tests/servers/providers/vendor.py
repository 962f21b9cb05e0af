"""A vendor's own OpenAPI document as a judge: what a client sends must be allowed by it, and our answers must be as it says."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from tests.servers.datasets import shared_data_if_there
from tests.servers.upstreams.faithful import FaithfulUpstream, Mistake, Seen


class VendorDocument(FaithfulUpstream):
    """Judges requests and answers; nothing is served by it."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document, authorized=lambda _request: True)
        self._nullable: dict[int, Any] = {}
        self._components: Any = None

    def of_request(self, method: str, raw_path: str, headers: Any, body: bytes) -> str | None:
        """What the document does not allow about a request; None when it is as it should be."""
        path, _, query = raw_path.partition("?")
        found = self._route(method, path.removeprefix(self.base))
        if found is None:
            return f"no operation {method} {path}"
        template, values = found
        item = self.document["paths"][template]
        operation = item[method.lower()]
        seen = Seen(operation.get("operationId", template), values, {}, headers)
        try:
            self._check_parameters(item, operation, seen, query)
            self._body(operation, headers.get("Content-Type"), body)
        except Mistake as mistake:
            return f"{seen.operation}: {mistake}"
        return None

    def of_answer(self, method: str, path: str, status: int, answer: Any) -> str | None:
        """What of an answer is not as the document says."""
        found = self._route(method, path.removeprefix(self.base))
        if found is None:
            return None
        operation = self.document["paths"][found[0]][method.lower()]
        told = operation["responses"].get(str(status)) or operation["responses"].get("default")
        if told is None:
            return f"{operation.get('operationId')}: answers with {status} are not told"
        content = self.samples.resolved(told).get("content", {}).get("application/json", {})
        validator = self._answers(content.get("schema", {}))
        error = next(iter(validator.iter_errors(answer)), None)
        return None if error is None else f"answer of {operation.get('operationId')}: {error.message[:300]}"

    def _answers(self, schema: dict[str, Any]) -> Any:
        validator = self._nullable.get(id(schema))
        if validator is None:
            self._components = self._components or self._with_null(self.document.get("components", {}))
            whole = {"$ref": "#/here", "here": self._with_null(schema), "components": self._components}
            validator = self._nullable[id(schema)] = jsonschema_rs.Draft4Validator(whole)
        return validator

    def _with_null(self, node: Any) -> Any:
        """A schema of OpenAPI 3.0 as one of JSON Schema, draft 4: ``nullable`` allows null. A dead reference allows anything."""
        if isinstance(node, list):
            return [self._with_null(one) for one in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str) and node["$ref"].rpartition("/")[2] not in self.document["components"]["schemas"]:
            return {}
        made = {name: self._with_null(one) for name, one in node.items() if name != "nullable"}
        return {"anyOf": [{"type": "null"}, made]} if node.get("nullable") is True else made


@cache
def vendor_document(folder: str, name: str) -> VendorDocument | None:
    """The document of the shared data; None on a machine without it."""
    data = shared_data_if_there()
    return None if data is None else VendorDocument(msgspec.json.decode((data / "openapi" / folder / name).read_bytes()))
