"""A request whose form is broken, with placeholders where it is: so that the rest of it can be checked too.

What stands in a placeholder's place is told already; the fiscal rules stay silent about it
(``ffd/validation/findings.py``). Such a request is never stored.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

Place = tuple[int | str, ...]

_LINE: Mapping[str, Any] = MappingProxyType({"name": "?", "price": 1})
_PAYMENT: Mapping[str, Any] = MappingProxyType({"type": "cash", "amount": 1})
_NEEDED: Mapping[str, Any] = MappingProxyType(
    {
        "type": "sale",
        "items": [dict(_LINE)],
        "items.name": "?",
        "items.price": 1,
        "payments": [dict(_PAYMENT)],
        "payments.type": "cash",
        "payments.amount": 1,
    }
)
_ENTRIES: Mapping[str, Mapping[str, Any]] = MappingProxyType({"items": _LINE, "payments": _PAYMENT})


def repaired(canonical: Mapping[str, Any], places: Iterable[Place]) -> dict[str, Any] | None:
    """The body without what is broken at ``places``; None where the till itself is, so that nobody can say
    which register the rest belongs to."""
    body: dict[str, Any] = deepcopy(dict(canonical))
    for place in places:
        if not place or place[0] == "pos_id":
            return None
        _mend(body, place)
    return body


def _mend(body: dict[str, Any], place: Place) -> None:
    names = ".".join(step for step in place if isinstance(step, str))
    if isinstance(place[-1], int):
        if names in _ENTRIES and len(place) == 2:
            body[names][place[-1]] = dict(_ENTRIES[names])
        else:  # one entry of another list: without the list
            _mend(body, place[:-1])
        return
    if names in _NEEDED:
        parent = _parent(body, place[:-1])
        if parent is not None:
            parent[place[-1]] = deepcopy(_NEEDED[names])
        return
    # without the smallest optional part that holds it: the field of a line, of a receipt, or the whole object
    depth = 3 if place[0] in _ENTRIES else 1
    parent = _parent(body, place[: depth - 1])
    if parent is not None:
        parent.pop(str(place[depth - 1]), None)


def _parent(body: dict[str, Any], place: Place) -> dict[str, Any] | None:
    at: Any = body
    for step in place:
        if isinstance(at, dict):
            at = at.get(str(step))
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        else:
            return None
    return at if isinstance(at, dict) else None
