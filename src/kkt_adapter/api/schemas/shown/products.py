"""Answers about products, and the lines of an export: one place, so that all readers see the same bytes."""

import json
from collections.abc import Sequence
from typing import Any, cast

from kkt_adapter.api.schemas.answers import catalogue as known
from kkt_adapter.catalog.reads.export import ExportHead, ExportText
from kkt_adapter.catalog.reads.products import StoredProduct, euro
from kkt_adapter.kernel.errors import InvalidInput
from kkt_adapter.kernel.timefmt import iso, iso_of

Json = dict[str, Any]

CURRENCY = "EUR"
DETAILS = (
    "images", "thumbnail", "small_image", "cover_image", "videos", "categories", "restrictions",
    "requirements",
)  # fmt: skip
EXPORTED = (
    "id", "name", "slug", "type", "platform", "region", "developer", "publisher", "release_date", "currency",
    "min_price", "retail_min_price", "retail_min_base_price", "price_limit", "qty", "available_to_buy",
    "sellable", *DETAILS, "source_updated_at", "first_seen_at", "changed_at", "status",
)  # fmt: skip
_NO_DETAILS: Json = {"images": [], "videos": [], "categories": [], "restrictions": {}, "requirements": {}}

_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def product_answer(shown: StoredProduct) -> known.ProductShown:
    """A product as reads show it: also when it was last seen, and when it vanished."""
    answer = {
        **_first(shown),
        **_details(shown),
        "source_updated_at": shown.source_updated_at,
        "first_seen_at": iso_of(shown.first_seen_at),
        "last_seen_at": iso_of(shown.last_seen_at),
        "changed_at": iso_of(shown.changed_at),
        "status": shown.status.value,
        "vanished_at": iso(shown.vanished_at),
    }
    return cast(known.ProductShown, answer)


def copied_answer(shown: StoredProduct) -> known.ProductCore:
    """The members of an export line: everything but what changes with every run."""
    return cast(known.ProductCore, {**_first(shown), **_details(shown), **_last(shown)})


def export_text(fields: Sequence[str] = ()) -> ExportText:
    """How an export is written; with ``fields`` only these members and ``id``, in the usual order.

    Raises:
        InvalidInput: not a member of an export line.
    """
    unknown = [name for name in fields if name not in EXPORTED]
    if unknown:
        raise InvalidInput(
            f"fields: unknown {unknown[0][:40]!r}; allowed are {', '.join(EXPORTED)}.",
            f"fields: неизвестно {unknown[0][:40]!r}; допустимы {', '.join(EXPORTED)}.",
            field="fields",
        )
    if not fields:
        return ExportText(head=_head_line, product=_line)
    kept = {"id", *fields}

    def picked(shown: StoredProduct) -> str:
        return _dump({name: member for name, member in copied_answer(shown).items() if name in kept})

    return ExportText(head=_head_line, product=picked)


def _head_line(head: ExportHead) -> str:
    return json.dumps(
        {"revision": head.revision, "generated_at": iso_of(head.generated_at), "count": head.count}
    )


def _line(shown: StoredProduct) -> str:
    """``copied_answer`` as JSON text, without taking the stored details apart."""
    details = shown.details if len(shown.details) > 2 else _dump(_details(shown))
    return f"{_dump(_first(shown))[:-1]},{details[1:-1]},{_dump(_last(shown))[1:]}"


def _first(shown: StoredProduct) -> Json:
    return {
        "id": shown.id,
        "name": shown.name,
        "slug": shown.slug,
        "type": shown.type,
        "platform": shown.platform,
        "region": shown.region,
        "developer": shown.developer,
        "publisher": shown.publisher,
        "release_date": shown.release_date,
        "currency": CURRENCY,
        "min_price": euro(shown.min_price),
        "retail_min_price": euro(shown.retail_min_price),
        "retail_min_base_price": euro(shown.retail_min_base_price),
        "price_limit": {"min": euro(shown.price_limit_min), "max": euro(shown.price_limit_max)},
        "qty": shown.qty,
        "available_to_buy": shown.available_to_buy,
        "sellable": shown.sellable,
    }


def _details(shown: StoredProduct) -> Json:
    value: Json = json.loads(shown.details)
    return value or {name: _NO_DETAILS.get(name) for name in DETAILS}


def _last(shown: StoredProduct) -> Json:
    return {
        "source_updated_at": shown.source_updated_at,
        "first_seen_at": iso_of(shown.first_seen_at),
        "changed_at": iso_of(shown.changed_at),
        "status": shown.status.value,
    }
