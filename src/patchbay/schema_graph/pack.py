"""A graph in bytes, opened without decoding it: objects are decoded one at a time, when asked for.

Layout: ``PBG1``, the length of the header (4 bytes, big endian), the header (msgpack: kind, default schema, outline, the index of
the chunks), then the chunks, each a zlib-compressed msgpack list of up to 64 encoded values. The bytes depend on content only.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from patchbay.schema_graph.model import Graph, Note, Object, Operation
from patchbay.schema_graph.operations import RecordOperations
from patchbay.schema_graph.outline import Outline, outline_of

MAGIC = b"PBG1"
_PER_CHUNK = 64
_OPEN_CHUNKS = 8
_DECODED = 512

T = TypeVar("T", Object, Operation)
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_raws = msgspec.msgpack.Decoder(list[msgspec.Raw])


class NotAGraph(ValueError):
    """These bytes are not a packed graph of this format."""


class _Header(msgspec.Struct, frozen=True, array_like=True):
    """``operations`` is None for record operations, which follow from the objects."""

    kind: str
    default_schema: str | None
    outline: Outline
    object_chunks: tuple[int, ...]
    operations: tuple[str, ...] | None
    operation_chunks: tuple[int, ...]
    notes: tuple[Note, ...] = ()


class Packed(Mapping[str, T], Generic[T]):
    """A read-only mapping over encoded values. Holds the compressed bytes, a few open chunks and recently used values."""

    def __init__(self, kind: type[T], names: Sequence[str], chunks: Sequence[memoryview]) -> None:
        self._names = names
        self._chunks = chunks
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._at: dict[str, int] | None = None
        self._open: OrderedDict[int, list[msgspec.Raw]] = OrderedDict()
        self._recent: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def _position(self, name: str) -> int:
        if self._at is None:
            self._at = {known: at for at, known in enumerate(self._names)}
        return self._at[name]

    def __getitem__(self, name: str) -> T:
        at = self._position(name)
        with self._lock:
            value = self._recent.get(name)
            if value is None:
                value = self._decoder.decode(self._chunk(at // _PER_CHUNK)[at % _PER_CHUNK])
                self._recent[name] = value
                if len(self._recent) > _DECODED:
                    self._recent.popitem(last=False)
            return value

    def _chunk(self, number: int) -> list[msgspec.Raw]:
        chunk = self._open.get(number)
        if chunk is None:
            chunk = _raws.decode(zlib.decompress(self._chunks[number]))
            self._open[number] = chunk
            if len(self._open) > _OPEN_CHUNKS:
                self._open.popitem(last=False)
        return chunk

    def __contains__(self, name: object) -> bool:
        try:
            self._position(name)  # pyright: ignore[reportArgumentType] - anything may be asked for
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class PackedObjects(Packed[Object]):
    """The objects of a packed graph, with their outline."""

    def __init__(self, outline: Outline, chunks: Sequence[memoryview]) -> None:
        super().__init__(Object, outline.names, chunks)
        self.outline = outline


def pack(graph: Graph) -> bytes:
    """The graph's bytes, the same for the same graph whatever order its objects came in."""
    objects = {name: graph.objects[name] for name in sorted(graph.objects)}
    stored = (
        None if isinstance(graph.operations, RecordOperations) else {n: graph.operations[n] for n in sorted(graph.operations)}
    )
    object_chunks = _compress(objects)
    operation_chunks = _compress(stored or {})
    header = _Header(
        graph.kind,
        graph.default_schema,
        outline_of(objects),
        tuple(len(chunk) for chunk in object_chunks),
        None if stored is None else tuple(stored),
        tuple(len(chunk) for chunk in operation_chunks),
        graph.notes,
    )
    head = _encode(header)
    return b"".join([MAGIC, len(head).to_bytes(4, "big"), head, *object_chunks, *operation_chunks])


def _compress(values: Mapping[str, Object] | Mapping[str, Operation]) -> list[bytes]:
    every = list(values.values())
    return [zlib.compress(_encode(every[at : at + _PER_CHUNK]), 1) for at in range(0, len(every), _PER_CHUNK)]


def unpack(data: bytes) -> Graph:
    """The graph in ``data``, its objects still packed. Raises :class:`NotAGraph`."""
    if data[:4] != MAGIC or len(data) < 8:
        raise NotAGraph
    start = 8 + int.from_bytes(data[4:8], "big")
    try:
        header = msgspec.msgpack.decode(data[8:start], type=_Header)
    except msgspec.MsgspecError as error:
        raise NotAGraph from error
    if len(data) != start + sum(header.object_chunks) + sum(header.operation_chunks):
        raise NotAGraph
    chunks = list(_cut(memoryview(data), start, (*header.object_chunks, *header.operation_chunks)))
    objects = PackedObjects(header.outline, chunks[: len(header.object_chunks)])
    operations: Mapping[str, Operation] = RecordOperations(objects)
    if header.operations is not None:
        operations = Packed(Operation, header.operations, chunks[len(header.object_chunks) :])
    return Graph(
        kind=header.kind, default_schema=header.default_schema, objects=objects, operations=operations, notes=header.notes
    )


def _cut(data: memoryview, start: int, lengths: Sequence[int]) -> Iterator[memoryview]:
    for length in lengths:
        yield data[start : start + length]
        start += length
