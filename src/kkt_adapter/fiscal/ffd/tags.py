"""The dictionary of FFD tags: number, names, type on the wire, size limit, where a tag may stand.

The table itself is data (``ffd_tags.csv`` beside this module, part of the wheel), read once on first use.

Source: FNS format tables (order ED-7-20/662@ and its amendments of 2024 and 2025) as public implementations
code them; see docs/reference/ffd-tags.md for what is certain and what is not.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from kkt_adapter.fiscal.model import FFD_OF_TEXT, FfdVersion


class TagType(StrEnum):
    """How a value is written (docs/reference/ofd-protocol.md, TLV)."""

    STRING = "string"  # CP866; padded with spaces on the right when the tag has a fixed size
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    BITS8 = "bits8"
    BITS32 = "bits32"
    UNIXTIME = "unixtime"  # uint32, wall clock as if it were UTC
    VLN = "vln"  # unsigned, little endian, no high zero bytes
    FVLN = "fvln"  # one byte: digits after the point, then VLN
    STLV = "stlv"  # nested elements
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One row of the dictionary."""

    number: int
    name_en: str  # snake_case
    name_ru: str  # as in the FNS tables
    json_name: str | None  # as operators and the tax service show it; None when nobody does
    type: TagType
    size: int | None  # bytes: exact when ``fixed``, else the most; None when no source gives a limit
    fixed: bool
    repeats: bool  # may stand several times in one parent
    parents: frozenset[int]  # document codes and nested tags it may stand in; empty for documents
    versions: frozenset[FfdVersion]
    notes: str

    @property
    def json_key(self) -> str:
        """The published name, or ours where nobody shows the tag."""
        return self.json_name or self.name_en


@cache
def registry() -> Mapping[int, Tag]:
    """All tags by number, in ascending order; read-only."""
    text = files(__package__).joinpath("ffd_tags.csv").read_text(encoding="utf-8")
    return MappingProxyType({tag.number: tag for tag in map(_parse, csv.DictReader(text.splitlines()))})


def find(number: int) -> Tag | None:
    """The row of a tag, or None when the dictionary does not know it."""
    return registry().get(number)


def _parse(row: dict[str, str]) -> Tag:
    return Tag(
        number=int(row["tag"]),
        name_en=row["name_en"],
        name_ru=row["name_ru"],
        json_name=row["json_name"] or None,
        type=TagType(row["type"]),
        size=int(row["max_len_or_size"]) if row["max_len_or_size"] else None,
        fixed=row["fixed_len"] == "true",
        repeats=row["repeats"] == "true",
        parents=frozenset(int(p) for p in row["parents"].split(";") if p),
        versions=frozenset(FFD_OF_TEXT[v] for v in row["versions"].split(";") if v),
        notes=row["notes"],
    )
