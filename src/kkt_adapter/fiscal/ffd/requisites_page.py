"""Every field of our API that ends up in a document: its tag, and the FFD versions that have a place for it.

The checks ask ``versions_of``; the reference page is written from the same rows:

python -m kkt_adapter.fiscal.ffd.requisites_page > docs/reference/requisites.md
"""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kkt_adapter.fiscal.ffd.tags import find
from kkt_adapter.fiscal.model import FfdVersion

_ALL: Final = frozenset(FfdVersion)
_NEW: Final = frozenset({FfdVersion.V1_2})
_1_05: Final = frozenset({FfdVersion.V1_05})

_ROWS: tuple[tuple[str, tuple[int, ...], frozenset[FfdVersion]], ...] = (
    ("type", (1054,), _ALL),
    ("total", (1020,), _ALL),
    ("taxation", (1055,), _ALL),
    ("place", (1187,), _ALL),
    ("address", (1009,), _ALL),
    ("internet", (1125,), _ALL),
    ("cashier.name", (1021,), _ALL),
    ("cashier.inn", (1203,), _ALL),
    ("payments[]", (1031, 1081, 1215, 1216, 1217), _ALL),
    ("cashless[]", (1234, 1235), _ALL),
    ("cashless[].amount", (1082,), _ALL),
    ("cashless[].method", (1236,), _ALL),
    ("cashless[].id", (1237,), _ALL),
    ("cashless[].info", (1238,), _ALL),
    ("device_number", (1036,), _ALL),
    ("timezone", (1011,), _ALL),
    ("no_print", (), _ALL),
    ("customer.email", (1008,), _ALL),
    ("customer.phone", (1008,), _ALL),
    ("customer.name", (1227,), _ALL),
    ("customer.inn", (1228,), _ALL),
    ("customer.birth_date", (1243,), _NEW),
    ("customer.citizenship", (1244,), _NEW),
    ("customer.document_code", (1245,), _NEW),
    ("customer.document_data", (1246,), _NEW),
    ("customer.address", (1254,), _NEW),
    ("additional_attribute", (1192,), _ALL),
    ("user_attribute", (1084,), _ALL),
    ("user_attribute.name", (1085,), _ALL),
    ("user_attribute.value", (1086,), _ALL),
    ("agent", (1057, 1222), _ALL),
    ("supplier", (1171, 1224, 1226), _ALL),
    ("industry[]", (1261,), _NEW),
    ("operation_attribute", (1270,), _NEW),
    ("operation_attribute.id", (1271,), _NEW),
    ("operation_attribute.data", (1272,), _NEW),
    ("operation_attribute.time", (1273,), _NEW),
    ("correction.type", (1173,), _ALL),
    ("correction.date", (1178,), _ALL),
    ("correction.number", (1179,), _ALL),
    ("correction.operation", (1054,), _ALL),
    ("correction.fiscal_sign", (1192,), frozenset({FfdVersion.V1_1, FfdVersion.V1_2})),
    ("correction.sums[]", (1102, 1103, 1104, 1105, 1106, 1107, 1115), _1_05),
    ("items[].name", (1030,), _ALL),
    ("items[].price", (1079,), _ALL),
    ("items[].quantity", (1023,), _ALL),
    ("items[].total", (1043,), _ALL),
    ("items[].vat_rate", (1199,), _ALL),
    ("items[].subject", (1212,), _ALL),
    ("items[].method", (1214,), _ALL),
    ("items[].unit", (1197, 2108), _ALL),
    ("items[].mark_code", (1163, 2000), _NEW),
    ("items[].mark_permission", (1260,), _NEW),
    ("items[].mark_quantity", (1291,), _NEW),
    ("items[].mark_quantity.numerator", (1293,), _NEW),
    ("items[].mark_quantity.denominator", (1294,), _NEW),
    ("items[].planned_status", (2003,), _NEW),
    ("items[].wholesale", (1260,), _NEW),
    ("items[].industry[]", (1260,), _NEW),
    ("items[].industry[].federal_id", (1262,), _NEW),
    ("items[].industry[].date", (1263,), _NEW),
    ("items[].industry[].number", (1264,), _NEW),
    ("items[].industry[].value", (1265,), _NEW),
    ("items[].excise_tax", (1229,), _ALL),
    ("items[].country", (1230,), _ALL),
    ("items[].customs_declaration", (1231,), _ALL),
    ("items[].line_attribute", (1191,), _ALL),
    ("items[].agent.type", (1222,), _ALL),
    ("items[].agent.operation", (1044,), _ALL),
    ("items[].agent.phones[]", (1073,), _ALL),
    ("items[].agent.operator_phones[]", (1074,), _ALL),
    ("items[].agent.transfer_phones[]", (1075,), _ALL),
    ("items[].agent.transfer_name", (1026,), _ALL),
    ("items[].agent.transfer_address", (1005,), _ALL),
    ("items[].agent.transfer_inn", (1016,), _ALL),
    ("items[].supplier.name", (1225,), _ALL),
    ("items[].supplier.inn", (1226,), _ALL),
    ("items[].supplier.phones[]", (1171,), _ALL),
)

VERSIONS: Mapping[str, frozenset[FfdVersion]] = MappingProxyType(
    {name: versions for name, _, versions in _ROWS}
)
TAGS: Mapping[str, tuple[int, ...]] = MappingProxyType({name: tags for name, tags, _ in _ROWS})

_INTRODUCTION = """\
# Requisites of the API

Which field of `POST /v1/kkt/receipt` becomes which requisite of the fiscal document, in which FFD versions.
Written from `src/kkt_adapter/fiscal/ffd/requisites_page.py`; do not edit this page, run
`python -m kkt_adapter.fiscal.ffd.requisites_page > docs/reference/requisites.md`. A test compares the two.

A field in a version that has no place for it is refused (`requisite_ffd`), never left out. What else a field
must keep to: [fiscal-rules.md](fiscal-rules.md). Types and sizes: [ffd-tags.md](ffd-tags.md).

- `agent` and `supplier` of the whole receipt: FFD 1.05 and 1.1 write 1057 with its data and 1171 at the top;
  the supplier's name and INN go into every line. FFD 1.2, and corrections of 1.1, have no such place: both
  are copied into every line that names none of its own.
- `planned_status` goes to the marking system with the request about the code, not into the receipt.
- `no_print` is a wish to the register: no paper.
- 1011 and 1234-1238 are of 2025 (order ED-7-20/236@). What is confirmed of them, and by what, stands in the
  notes of [ffd-tags.md](ffd-tags.md).

| Field | Tag | Requisite | FFD |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page, Markdown, ending with a newline."""
    return _INTRODUCTION + "".join([_row(*row) for row in _ROWS])


def _row(field: str, tags: tuple[int, ...], versions: frozenset[FfdVersion]) -> str:
    names = [found.name_ru for found in map(find, tags) if found is not None]
    cells = (
        f"`{field}`",
        ", ".join(map(str, tags)) or "-",
        "; ".join(names) or "-",
        ", ".join(v.text for v in sorted(versions)),
    )
    return "| " + " | ".join(cells) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
