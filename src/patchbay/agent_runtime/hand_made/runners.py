"""Who runs the calls of the types that Patchbay does itself, by their kind."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.agent_runtime.hand_made.transfer import TransferRunner
from patchbay.agent_runtime.services import OwnRunner
from patchbay.schema_graph.call import TRANSFER


def own_runners() -> Mapping[str, OwnRunner]:
    """The runners of one process."""
    return {TRANSFER: TransferRunner()}
