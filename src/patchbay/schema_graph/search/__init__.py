"""Ranked search over the objects, fields and operations of a view, answered with the path that reaches each hit.

An inverted index over stems: names are split and weigh most, then allowed values, then descriptions. A field also answers
to the words of its object, so that ``customer phone`` finds ``customers.phone``. Words that mean the same count for less than
the word itself; a name written without spaces also answers to the words it is made of. What a read reaches soon, and what many
objects hold, comes before what is only sent or wrapped around it. The index is built once for a view and holds all that a hit
shows; a query looks only at the postings of its own words.
"""

from patchbay.schema_graph.search.building import build_index
from patchbay.schema_graph.search.entries import Hit, HitKind
from patchbay.schema_graph.search.index import SearchIndex

__all__ = ["Hit", "HitKind", "SearchIndex", "build_index"]
