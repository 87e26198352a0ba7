"""The configured registers: which till prints where, and what may be asked of a register.

A ``Unit`` is one register with its lane. In demo mode a till that nobody configured gets a virtual
register of its own, up to ``DEMO_LIMIT``; otherwise an unknown ``pos_id`` is refused.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from kkt_adapter.fiscal.model import RegisterDefaults, RegisterProfile, Registration
from kkt_adapter.fiscal.printing.blocked import BlockReason, group_unread, no_register
from kkt_adapter.fiscal.printing.lane import PrintLane
from kkt_adapter.fiscal.printing.registration import stored_facts
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    AdapterError,
    KktBlocked,
    KktUnavailable,
    ReceiptInvalid,
    RegisterNotFound,
    Text,
    Violation,
)
from kkt_adapter.kernel.ids import GroupId, PosId, RegisterId
from kkt_adapter.runtime.db.protocol import Database

DEMO_LIMIT = 100  # virtual registers made on demand
# how long the first receipt waits for its register to be opened (printing.md#time-outs-and-repetitions)
OPENING_S = 5.0


@dataclass(slots=True, kw_only=True)
class Unit:
    """One register as the service knows it. ``profile`` is read when the device has told its facts."""

    register_id: RegisterId
    lane: PrintLane
    defaults: RegisterDefaults
    zone: ZoneInfo
    automatic_shift: bool
    transport: str  # relay, device or http
    kind: str  # as its driver is called in the configuration
    database: Database
    unread: bool = False  # the database was restored, and this FN has not been read back since
    _profile: RegisterProfile | None = None

    @property
    def registration(self) -> Registration | None:
        return self.lane.session.registration

    async def profile(self, *, wait_s: float = OPENING_S) -> RegisterProfile:
        """Facts and defaults together, whichever process drives the register. ``wait_s``: for one that was
        never reached.

        Raises:
            KktUnavailable: the device has never been reached, so nothing can be checked.
            KktBlocked: the configuration contradicts the registration.
        """
        if self._profile is not None and self._profile.registration is self.registration:
            return self._profile
        registration = await self._facts(wait_s)
        self.lane.session.fits(registration)
        profile = RegisterProfile(
            register_id=self.register_id, registration=registration, defaults=self.defaults
        )
        self._profile = profile
        return profile

    async def _facts(self, wait_s: float) -> Registration:
        """From our own lane, else as some lane wrote them down, else once our lane has opened."""
        if self.registration is not None:
            return self.registration
        stored = await self.database.read(lambda c: stored_facts(c, self.register_id))
        if stored is not None:
            return stored
        try:
            async with asyncio.timeout(wait_s):
                await self.lane.session.opened.wait()
        except TimeoutError:
            pass
        opened = self.lane.session.registration
        if opened is None:
            raise self.lane.trouble or KktUnavailable(
                "the register has not been reached yet: look at its status",
                "с ККТ ещё нет связи: проверьте её состояние",
            )
        return opened

    def today(self, clock: Clock) -> date:
        """The day in the register's zone."""
        return clock.now().astimezone(self.zone).date()

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A pool of registers of one taxpayer and one FFD; a till of its own, without shift, session or cash.

    Which register prints is decided in the commit that accepts (``intake/choice.py``). ``units`` stand in the
    order of the settings: of two with equal queues the earlier one is taken.
    """

    id: GroupId
    units: tuple[Unit, ...]
    was: tuple[GroupId, ...] = ()  # earlier ids, whose keys stay known

    def mixed(self) -> KktBlocked | None:
        """Why the group may sell nothing: its registers belong to different taxpayers, or differ in FFD, as
        far as they have told. None: they agree."""
        told = [unit.registration for unit in self.units if unit.registration is not None]
        inns = sorted({one.user_inn for one in told})
        versions = sorted({one.ffd_version.name for one in told})
        if len(inns) < 2 and len(versions) < 2:
            return None
        differ = ", ".join(inns if len(inns) > 1 else versions)
        return KktBlocked(
            f"The registers of group {self.id} differ: {differ}. A group has one INN and one FFD: correct "
            "[[group]] registers and restart.",
            f"ККТ группы {self.id} различаются: {differ}. В группе один ИНН и один ФФД: исправьте registers "
            "в [[group]] и перезапустите.",
            reason=BlockReason.GROUP_MIXED.value,
        )

    def fault(self) -> AdapterError | None:
        """Why the group may sell nothing on any of its registers; None: it may."""
        return self.mixed() or self._unread()

    def _unread(self) -> KktBlocked | None:
        """After a restore: a repeat could be a document of a register that has not been read back, and would
        be printed on another one."""
        waits = [unit.register_id for unit in self.units if unit.unread]
        return group_unread(self.id, waits) if waits else None

    async def profile(self) -> RegisterProfile:
        """Of the first register that has told its facts: INN and FFD are those of all.

        Raises:
            KktBlocked: they are not. KktUnavailable: no register has told anything.
        """
        mixed = self.mixed()
        if mixed is not None:
            raise mixed
        for unit in self.units:
            with suppress(KktUnavailable):
                return await unit.profile(wait_s=0.0)
        return await self.units[0].profile()


class Groups:
    """The configured groups; never changes while the service runs."""

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._groups: Mapping[str, Group] = {group.id: group for group in groups}

    def all(self) -> tuple[Group, ...]:
        return tuple(self._groups.values())

    def find(self, pos_id: str) -> Group | None:
        """The group of this name; None for a till or an unknown name."""
        return self._groups.get(pos_id)

    def of_register(self, register_id: str) -> tuple[Group, ...]:
        return tuple(g for g in self._groups.values() if any(u.register_id == register_id for u in g.units))


Prospect = tuple[RegisterProfile, tzinfo]
"""A register's facts and zone, before there is one."""


class Registers:
    """Looks registers up by till; makes demo registers on demand."""

    def __init__(
        self,
        units: dict[RegisterId, Unit],
        tills: dict[PosId, RegisterId],
        *,
        groups: Groups | None = None,
        make_demo: Callable[[PosId], Awaitable[Unit]] | None = None,
        demo_prospect: Callable[[PosId], Prospect] | None = None,
    ) -> None:
        """``make_demo`` and ``demo_prospect`` go together: the register, and what it would be like."""
        self._units = units
        self._all = tuple(units.values())
        self._tills = tills
        self._first_tills = _first_tills(tills)
        self._make_demo = make_demo
        self._demo_prospect = demo_prospect
        self._making = asyncio.Lock()
        self.groups = groups or Groups()

    def all(self) -> tuple[Unit, ...]:
        """Every register; the same tuple until there is one more. None ever goes."""
        return self._all

    def find(self, pos_id: PosId) -> Unit | None:
        """The register of a till, without making one."""
        register_id = self._tills.get(pos_id)
        return None if register_id is None else self._units[register_id]

    def by_id(self, register_id: str) -> Unit | None:
        """None: it was taken out of the settings."""
        return self._units.get(RegisterId(register_id))

    def behind(self, pos_id: str) -> tuple[Unit, ...]:
        """The register of a till, or those of a group. Raises as ``chosen``."""
        group = self.groups.find(pos_id)
        return (self.chosen(pos_id),) if group is None else group.units

    def tills(self) -> list[tuple[PosId, Unit]]:
        """Every till with its register, by name."""
        return [(pos_id, self._units[register_id]) for pos_id, register_id in sorted(self._tills.items())]

    def till_of(self, register_id: str) -> PosId | None:
        """The first till by name that prints on this register."""
        return self._first_tills.get(register_id)

    def unit(self, register_id: str) -> Unit:
        """Raises RegisterNotFound."""
        unit = self._units.get(RegisterId(register_id))
        if unit is None:
            raise RegisterNotFound(f"no register {register_id}", f"нет ККТ {register_id}")
        return unit

    def prospect(self, pos_id: PosId) -> Prospect:
        """What the register of a till without one would be like; makes nothing.

        Raises:
            KktBlocked: there is no register at all.
            ReceiptInvalid: it will not get one.
        """
        if self.groups.find(pos_id) is not None:
            raise _is_a_group(pos_id)
        if self._demo_prospect is None:
            self._require_one()
            raise _unknown_till(pos_id, Text("add it to a register's pos_ids", "добавьте её в pos_ids ККТ"))
        if len(self._units) >= DEMO_LIMIT:
            raise _unknown_till(
                pos_id,
                Text(
                    f"demo mode has {DEMO_LIMIT} virtual registers already; use one of them",
                    f"в демо-режиме уже {DEMO_LIMIT} виртуальных ККТ; используйте одну из них",
                ),
            )
        return self._demo_prospect(pos_id)

    async def for_till(self, pos_id: PosId) -> Unit:
        """The register that prints for this till; in demo mode it is made when there is none.

        Raises:
            ReceiptInvalid: no register is configured for it (in demo mode: the limit is reached), or it is a
                group.
        """
        unit = self.find(pos_id)
        if unit is not None:
            return unit
        async with self._making:
            unit = self.find(pos_id)
            if unit is None:
                self.prospect(pos_id)
                assert self._make_demo is not None
                unit = await self._make_demo(pos_id)
                self._units[unit.register_id] = unit
                self._all = tuple(self._units.values())
                self._tills[pos_id] = unit.register_id
                self._first_tills = _first_tills(self._tills)
            return unit

    def chosen(self, pos_id: str | None) -> Unit:
        """The register of a till; without a till the only one there is.

        Raises:
            KktBlocked: there is no register at all.
            RegisterNotFound: unknown till, or none named while there are several registers.
        """
        self._require_one()
        if pos_id is not None:
            unit = self.find(PosId(pos_id))
            if unit is None and self.groups.find(pos_id) is not None:
                raise _is_a_group(pos_id)
            if unit is None:
                raise RegisterNotFound(f"no register for till {pos_id}", f"для кассы {pos_id} нет ККТ")
            return unit
        if len(self._units) != 1:
            raise ReceiptInvalid(
                (
                    Violation(
                        field="pos_id",
                        code="required",
                        message=Text(
                            "there are several registers: name the till",
                            "настроено несколько ККТ: укажите кассу",
                        ),
                    ),
                )
            )
        return next(iter(self._units.values()))

    @property
    def none_configured(self) -> bool:
        """There is no register, and none will come: the service has the catalogue only."""
        return not self._units and self._make_demo is None

    def _require_one(self) -> None:
        if self.none_configured:
            raise no_register()


def _first_tills(tills: Mapping[PosId, RegisterId]) -> Mapping[str, PosId]:
    """By register: the first till by name that prints on it."""
    return {tills[pos_id]: pos_id for pos_id in sorted(tills, reverse=True)}


def _is_a_group(pos_id: str) -> ReceiptInvalid:
    """A group has no shift, session or cash of its own."""
    return ReceiptInvalid(
        (
            Violation(
                field="pos_id",
                code="is_a_group",
                message=Text(
                    f"{pos_id} is a group of registers: it takes receipts only",
                    f"{pos_id} — группа ККТ: она только принимает чеки",
                ),
                remedy=Text("name a till of one of its registers", "укажите кассу одной из её ККТ"),
            ),
        )
    )


def _unknown_till(pos_id: str, remedy: Text) -> ReceiptInvalid:
    return ReceiptInvalid(
        (
            Violation(
                field="pos_id",
                code="unknown_till",
                message=Text(f"no register is configured for till {pos_id}", f"для кассы {pos_id} нет ККТ"),
                remedy=remedy,
            ),
        )
    )
