"""``kkt-adapter shops``: accounts of shops that speak ATOL Online or KkmServer.

Those that ``add`` makes are in the database, and a running service notices within ten seconds; those of the
file are shown too. A secret is made here, shown once, and never taken from the command line.
"""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from kkt_adapter.cli.accounts import who
from kkt_adapter.cli.database.opening import FAILED, DataDir, run_on_database
from kkt_adapter.cli.screen import complain, line, moment, table
from kkt_adapter.cli.texts import said, say
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import AdapterError, Conflict, InvalidInput
from kkt_adapter.runtime.auth.shop_rows import change_secret, insert_shop, read_shops
from kkt_adapter.runtime.auth.shop_values import GUARD_MINUTES, HOLD_MAX_S, DoorName, Shop
from kkt_adapter.runtime.auth.shops import new_secret, secret_hash
from kkt_adapter.runtime.db.protocol import Database
from kkt_adapter.settings import Settings, ShopSettings, load_settings
from kkt_adapter.settings.refusal import refusals_of_row
from kkt_adapter.settings.rules import check_groups_of, raise_all

shops_app = typer.Typer(
    name="shops", help="Accounts of shops: ATOL Online and KkmServer.", no_args_is_help=True
)

ShopId = Annotated[str, typer.Argument(help="Id of the account.")]
Many = list[str] | None


@shops_app.command("list")
def list_shops(data_dir: DataDir = None) -> None:
    """Show all accounts, without their secrets."""
    stored = run_on_database(data_dir, lambda db: db.read(read_shops))
    rows = [_row(one.shop, say("file", "файл"), None) for one in _settings(data_dir).shop]
    rows += [_row(one.shop, say("database", "база"), one.secret_changed_at) for one in stored]
    table(
        (
            "id",
            say("login", "логин"),
            say("groups", "группы"),
            say("doors", "протоколы"),
            say("place", "где"),
            say("secret of", "секрет от"),
            say("secrets", "секретов"),
        ),
        rows,
    )


@shops_app.command("add")
def add_shop(
    shop_id: ShopId,
    group: Annotated[list[str], typer.Option("--group", help="A group it may print on; may be repeated.")],
    login: Annotated[str | None, typer.Option(help="What it signs in with; default: the id.")] = None,
    door: Annotated[
        list[DoorName] | None, typer.Option("--door", help="A protocol it may speak; default: all.")
    ] = None,
    duplicate_http: Annotated[
        int, typer.Option(help="HTTP status of a repeated external_id: 400, or 200 for Bitrix.")
    ] = 400,
    convert: Annotated[bool, typer.Option(help="Take v4 receipts on registers of FFD 1.2.")] = False,
    callback_host: Annotated[Many, typer.Option(help="May be called back; may be repeated.")] = None,
    origin: Annotated[Many, typer.Option(help="A web page that may call; may be repeated.")] = None,
    hold_max_s: Annotated[float, typer.Option(help="KkmServer: wait for the document.")] = HOLD_MAX_S,
    guard_minutes: Annotated[
        float, typer.Option(help="KkmServer: hold back the same receipt under a new key.")
    ] = GUARD_MINUTES,
    was: Annotated[Many, typer.Option(help="An id it had before; may be repeated.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make an account and show its secret, this one time; the secret alone goes to standard output."""
    secret = new_secret()
    wanted = {
        "id": shop_id,
        "login": login or shop_id,
        "secret": secret,
        "groups": tuple(group),
        "doors": tuple(door or DoorName),
        "duplicate_http": duplicate_http,
        "convert": convert,
        "callback_hosts": tuple(callback_host or ()),
        "origins": tuple(origin or ()),
        "hold_max_s": hold_max_s,
        "guard_minutes": guard_minutes,
        "was": tuple(was or ()),
    }
    shop = _checked(wanted, _settings(data_dir))

    async def make(db: Database) -> None:
        now = SystemClock().now()
        await db.write(lambda conn: insert_shop(conn, shop, at=now, by=who()))

    run_on_database(data_dir, make)
    line(secret)
    complain(
        say(
            f"Shop {shop.id}: write the secret down, it is not shown again.",
            f"Магазин {shop.id}: запишите секрет, больше он не будет показан.",
        )
    )


@shops_app.command("secret")
def new_shop_secret(
    shop_id: ShopId,
    end_old: Annotated[
        bool, typer.Option("--end-old", help="Make none: from now on only the newest secret is valid.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make a new secret; the one before it stays valid until --end-old."""
    secret = None if end_old else new_secret()

    async def change(db: Database) -> Shop:
        now, new_hash = SystemClock().now(), None if secret is None else secret_hash(secret)
        return await db.write(lambda conn: change_secret(conn, shop_id, new_hash, at=now))

    if any(one.id == shop_id for one in _settings(data_dir).shop):
        _refuse(
            InvalidInput(
                f"Shop {shop_id} stands in the file: change its secret there.",
                f"Магазин {shop_id} указан в файле: меняйте секрет там.",
            )
        )
    shop = run_on_database(data_dir, change)
    if secret is None:
        line(say(f"{shop.id}: one secret is valid", f"{shop.id}: действует один секрет"))
        return
    line(secret)
    complain(
        say(
            f"Shop {shop.id}: both secrets are valid until: kkt-adapter shops secret {shop.id} --end-old",
            f"Магазин {shop.id}: оба секрета действуют до: kkt-adapter shops secret {shop.id} --end-old",
        )
    )


def _checked(wanted: dict[str, object], settings: Settings) -> Shop:
    """The account under the same rules as one of the file; an error of ours is one line and exit code 1."""
    try:
        shop = _of_values(wanted)
        check_groups_of(ShopSettings.model_validate(wanted), settings)
        for other in settings.shop:
            if shop.id == other.id or shop.login == other.login:
                raise Conflict(
                    f"Shop {other.id} of the file has this id or login already.",
                    f"Магазин {other.id} в файле уже с этим id или логином.",
                )
    except AdapterError as error:
        _refuse(error)
        raise
    return replace(shop, anonymous=False)


def _of_values(wanted: dict[str, object]) -> Shop:
    """Raises SettingsInvalid, naming the value."""
    try:
        return ShopSettings.model_validate(wanted).shop
    except ValidationError as error:
        raise_all(refusals_of_row(error, "shop", wanted))
        raise


def _settings(data_dir: Path | None) -> Settings:
    try:
        return load_settings(overrides={"data_dir": data_dir})
    except AdapterError as error:
        _refuse(error)
        raise


def _refuse(error: AdapterError) -> None:
    complain(said(error.detail))
    raise typer.Exit(FAILED) from error


def _row(shop: Shop, place: str, changed_at: datetime | None) -> tuple[str, ...]:
    return (
        shop.id,
        shop.login,
        ", ".join(shop.groups),
        ", ".join(sorted(shop.doors)),
        place,
        moment(None if changed_at is None else changed_at.isoformat()),
        str(len(shop.secret_hashes)),
    )
