"""A register's registration: as it should be, and as its lane last read it.

Facts of the registration are changed by nobody from outside, so a register whose configuration contradicts
them is stopped (fiscal-rules.md). Only the holder of a lane's lease may open its device; every node checks
receipts against the facts that the holder wrote down.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, select

from kkt_adapter.fiscal.ffd.validation.profile import check_profile
from kkt_adapter.fiscal.model import FfdVersion, RegisterProfile, Registration
from kkt_adapter.fiscal.printing.blocked import blocked_by_configuration
from kkt_adapter.fiscal.store.runtime_settings import read_setting, read_settings, store_setting
from kkt_adapter.fiscal.store.tables import config
from kkt_adapter.kernel.errors import SettingsInvalid, Text
from kkt_adapter.runtime.db.bulk import bulk

PREFIX = "registration:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFacts:
    """What the configuration says of a registration, under the names of ``Registration``; None: nothing."""

    user_inn: str | None = None  # 1018
    registration_number: str | None = None  # 1037
    ffd_version: FfdVersion | None = None  # 1209
    taxation_mask: int | None = None  # 1062
    marked_goods: bool | None = None  # 1290 bit 8

    def contradictions(self, registration: Registration) -> list[Text]:
        """One sentence for each fact that is another one, with both values."""
        found = []
        for field in fields(self):
            wanted, real = getattr(self, field.name), getattr(registration, field.name)
            if wanted is not None and wanted != real:
                w, r = _shown(wanted), _shown(real)
                found.append(
                    Text(
                        f"{field.name} = {w}, but the device is registered with {r}",
                        f"{field.name} = {w}, а устройство зарегистрировано с {r}",
                    )
                )
        return found


def ensure_fits(profile: RegisterProfile, expected: ExpectedFacts, *, missing: Sequence[Text] = ()) -> None:
    """Raises KktBlocked (CONFIGURATION) with everything in which the configuration contradicts the device;
    ``missing`` is what this device cannot do and a setting asks for."""
    found = [*expected.contradictions(profile.registration), *missing]
    try:
        check_profile(profile)
    except SettingsInvalid as error:
        found.append(error.detail)
    if found:
        raise blocked_by_configuration(
            Text("; ".join(text.en for text in found), "; ".join(text.ru for text in found))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsRead:
    """What a register has told of itself."""

    register_id: str
    registration: Registration
    at: datetime


_STORED = bulk(
    (config.c.name,),
    lambda given: select(config.c.name, config.c.value).join(given, config.c.name == given.c.name),
)


def store_facts(conn: Connection, read: Sequence[FactsRead]) -> Sequence[None]:
    """Remember, for ``write_each``; nothing is written when nothing changed."""
    known = dict(_STORED.rows(conn, [(PREFIX + one.register_id,) for one in read]))
    for one in read:
        name = PREFIX + one.register_id
        text = json.dumps(asdict(one.registration), ensure_ascii=False, sort_keys=True)
        if known.get(name) != text:
            store_setting(conn, name, text, at=one.at, by=None)
    return [None] * len(read)


def registers_with_facts(conn: Connection) -> frozenset[str]:
    """The registers that ``stored_facts`` gives something for."""
    return frozenset(name.removeprefix(PREFIX) for name in read_settings(conn, PREFIX))


def stored_facts(conn: Connection, register_id: str) -> Registration | None:
    """What some lane read; None when the register was never reached."""
    text = read_setting(conn, PREFIX + register_id)
    if text is None:
        return None
    raw = json.loads(text)
    return Registration(**raw | {"ffd_version": FfdVersion(raw["ffd_version"])})


def _shown(fact: object) -> str:
    if isinstance(fact, FfdVersion):
        return fact.text
    return str(fact).lower() if isinstance(fact, bool) else str(fact)
