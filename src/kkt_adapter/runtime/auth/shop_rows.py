"""Shops in the database: plain functions of a connection, and what ``kkt-adapter shops`` does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from kkt_adapter.kernel.errors import Conflict, NotFound
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop
from kkt_adapter.runtime.auth.tables import shops


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredShop:
    shop: Shop
    created_at: datetime
    created_by: str
    secret_changed_at: datetime


def read_shops(conn: Connection) -> tuple[StoredShop, ...]:
    """All, oldest first."""
    return tuple(_stored(row) for row in conn.execute(select(shops).order_by(shops.c.created_at, shops.c.id)))


def insert_shop(conn: Connection, shop: Shop, *, at: datetime, by: str) -> None:
    """Raises Conflict: its id or its login is taken."""
    try:
        with conn.begin_nested():
            conn.execute(
                insert(shops).values(
                    id=shop.id,
                    login=shop.login,
                    secret_hash=shop.secret_hashes[0],
                    options=json.dumps(_options(shop)),
                    created_at=at,
                    created_by=by,
                    secret_changed_at=at,
                )
            )
    except IntegrityError as error:
        raise Conflict(
            f"There is a shop with id {shop.id} or login {shop.login} already.",
            f"Магазин с id {shop.id} или логином {shop.login} уже есть.",
        ) from error


def change_secret(conn: Connection, shop_id: str, new_hash: bytes | None, *, at: datetime) -> Shop:
    """The new secret, the one before it stays valid; None: only the present one is valid from now on.

    Raises:
        NotFound: no such shop in the database.
    """
    row = conn.execute(select(shops).where(shops.c.id == shop_id)).first()
    if row is None:
        raise NotFound(
            f"There is no shop {shop_id} in the database (kkt-adapter shops list).",
            f"В базе нет магазина {shop_id} (kkt-adapter shops list).",
        )
    shop = _stored(row).shop
    kept = shop.secret_hashes[0]
    values: dict[str, Any] = {"previous_hash": None}
    if new_hash is not None:
        values = {"secret_hash": new_hash, "previous_hash": kept, "secret_changed_at": at}
    conn.execute(update(shops).where(shops.c.id == shop_id).values(**values))
    hashes = (kept,) if new_hash is None else (new_hash, kept)
    return replace(shop, secret_hashes=hashes)


def _options(shop: Shop) -> dict[str, Any]:
    return {
        "groups": shop.groups,
        "doors": sorted(shop.doors),
        "duplicate_http": shop.duplicate_http,
        "convert": shop.convert,
        "callback_hosts": shop.callback_hosts,
        "origins": shop.origins,
        "hold_max_s": shop.hold_max_s,
        "guard_minutes": shop.guard_minutes,
        "anonymous": shop.anonymous,
        "was": shop.was,
    }


def _stored(row: Row[Any]) -> StoredShop:
    options: dict[str, Any] = json.loads(row.options)
    hashes: Sequence[bytes | None] = (row.secret_hash, row.previous_hash)
    shop = Shop(
        id=row.id,
        login=row.login,
        secret_hashes=tuple(bytes(one) for one in hashes if one is not None),
        groups=tuple(options["groups"]),
        doors=frozenset(DoorName(name) for name in options["doors"]),
        duplicate_http=options["duplicate_http"],
        convert=options["convert"],
        callback_hosts=tuple(options["callback_hosts"]),
        origins=tuple(options["origins"]),
        hold_max_s=options["hold_max_s"],
        guard_minutes=options["guard_minutes"],
        anonymous=options["anonymous"],
        was=tuple(options["was"]),
    )
    return StoredShop(
        shop=shop,
        created_at=row.created_at,
        created_by=row.created_by,
        secret_changed_at=row.secret_changed_at,
    )
