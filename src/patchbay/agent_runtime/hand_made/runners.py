"""Who runs the calls of the types that Patchbay does itself, by their kind."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.agent_runtime.hand_made.email import EMAIL, EmailRunner
from patchbay.agent_runtime.hand_made.geo import GEO, GeoRunner
from patchbay.agent_runtime.hand_made.knowledge import KnowledgeRunner
from patchbay.agent_runtime.hand_made.sms import SMS, SmsRunner
from patchbay.agent_runtime.hand_made.take_message import TAKE_MESSAGE, TakeMessageRunner
from patchbay.agent_runtime.hand_made.transfer import TransferRunner
from patchbay.agent_runtime.knowledge.searching import Library
from patchbay.agent_runtime.services import Mailing, OwnRunner, Texting
from patchbay.connectors.geocoding.places import Geocoding
from patchbay.schema_graph.call import KNOWLEDGE, TRANSFER
from patchbay.store.database import Database


def own_runners(
    database: Database, mail: Mailing | None, sms: Texting | None, geocoder: Geocoding, library: Library
) -> Mapping[str, OwnRunner]:
    """The runners of one process."""
    return {
        TRANSFER: TransferRunner(),
        EMAIL: EmailRunner(mail),
        SMS: SmsRunner(sms),
        GEO: GeoRunner(geocoder),
        KNOWLEDGE: KnowledgeRunner(database, library),
        TAKE_MESSAGE: TakeMessageRunner(database, mail, sms),
    }
