"""What the door works with, and one command on its way through it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from kkt_adapter.api.doors.kkmserver.answers import Answer, Head
from kkt_adapter.api.doors.kkmserver.command import Command, DeviceWish
from kkt_adapter.api.doors.kkmserver.device_data import DeviceView
from kkt_adapter.api.doors.kkmserver.devices import Device, DeviceNumber, chosen
from kkt_adapter.api.doors.kkmserver.hold import Hold
from kkt_adapter.fiscal.control.presses import Presses
from kkt_adapter.fiscal.control.register_actions import RegisterActions
from kkt_adapter.fiscal.control.sessions import Sessions
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.fiscal.intake.origin import Origin, scoped_key
from kkt_adapter.fiscal.intake.press_guard import Caller, PressGuard
from kkt_adapter.fiscal.printing.availability import obstacle, takes_new
from kkt_adapter.fiscal.printing.registers import Registers, Unit
from kkt_adapter.fiscal.queries.receipts import Receipts
from kkt_adapter.fiscal.store.device_numbers import DeviceName
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import KktError, NotFound
from kkt_adapter.kernel.money import rubles
from kkt_adapter.kernel.quick import quickly_made
from kkt_adapter.runtime.auth.shop_values import DoorName, Shop

LOOK_S: Final = 0.1  # how often a receipt that somebody else waits for is looked at
ASK_S: Final = 1.0  # a device is asked for its state so long at most
GUARD_WAIT_S: Final = 5.0  # an equal press is waited for so long, also by who asked not to wait

_DOOR: Final = str(DoorName.KKMSERVER)

RegistersOf = Callable[[Shop], Sequence[str]]
"""The ids of the registers that a shop may print on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    intake: ReceiptIntake
    presses: Presses
    registers: Registers
    actions: RegisterActions
    sessions: Sessions
    receipts: Receipts
    registers_of: RegistersOf
    clock: Clock
    link_of: Callable[[str], str] = lambda receipt_id: ""  # the buyer's page of a receipt

    async def views(self, shop: Shop) -> list[DeviceView]:
        """Every register of the shop, by number."""
        ids = list(self.registers_of(shop))
        names = await self.presses.names(ids)
        views = [self._view(self.registers.unit(one), names[one]) for one in ids]
        return sorted(views, key=lambda view: view.name.number)

    def _view(self, unit: Unit, name: Any) -> DeviceView:
        status = unit.lane.session.status
        return DeviceView(
            name=name,
            register_id=unit.register_id,
            kind=unit.kind,
            registration=unit.registration,
            status=status,
            ready=obstacle(unit) is None and takes_new(unit),
            clock=unit.local(self.clock.now()),
        )

    async def looked_at(self, view: DeviceView) -> DeviceView:
        """The same, after the device was asked; one that prints or does not answer stays as it was."""
        unit = self.registers.unit(view.register_id)
        if unit.lane.holds():
            with suppress(KktError, TimeoutError):
                async with asyncio.timeout(ASK_S):
                    await unit.lane.session.ask()
        return replace(self._view(unit, view.name), cash=await self._cash(view.register_id))

    async def _cash(self, register_id: str) -> Decimal | None:
        """What the session of the register's till counts."""
        till = self.till_of(register_id)
        try:
            session = None if till is None else await self.sessions.get(till)
        except NotFound:
            return None
        return None if session is None else Decimal(rubles(session.cash_kop))

    async def device(self, shop: Shop, wish: DeviceWish) -> DeviceView:
        """The register for a command. Raises CommandRefused."""
        views = await self.views(shop)
        taken = chosen(wish, [device_of(view) for view in views])
        return next(view for view in views if view.register_id == taken.register_id)

    async def named(self, shop: Shop, wish: DeviceWish) -> "NamedRegister":
        """Which one ``device`` chooses. One that is named by its number is found without a look at any."""
        if wish.number > 0:
            ids = self.registers_of(shop)
            names = await self.presses.names(ids)
            for one in ids:
                if names[one].number == wish.number:
                    return NamedRegister(register_id=one, name=names[one])
        view = await self.device(shop, wish)
        return NamedRegister(register_id=view.register_id, name=view.name)

    def guards_for(self, shop: Shop) -> timedelta | None:
        """How long an equal press is kept out, as the clock is now; None: nobody knows how old one is."""
        return self.presses.guards_for(shop.guard_minutes)

    def till_of(self, register_id: str) -> str | None:
        """The till whose session counts the cash of a register; None: it has none of its own."""
        return self.registers.till_of(register_id)


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRegister:
    """The register of a command that asks nothing about it."""

    register_id: str
    name: DeviceName


def device_of(view: DeviceView) -> Device:
    known = view.registration
    return Device(
        number=DeviceNumber(view.name.number),
        register_id=view.register_id,
        device_id=view.name.device_id,
        inn=None if known is None else known.user_inn,
        factory_number=None if known is None else known.serial_number,
        taxation_mask=0 if known is None else known.taxation_mask,
        ready=view.ready,
    )


@dataclass(slots=True, kw_only=True)
class Call:
    """One command on its way. ``caller`` counts as waiting until the route has sent the answer."""

    shop: Shop
    command: Command
    head: Head
    hold: Hold
    caller: Caller
    key: str  # the client's, or one of ours
    device: Answer = field(default_factory=dict)  # NumDevice and UnitName, once a register is chosen
    told: list[str] = field(default_factory=list)  # presses whose outcome the answer tells, if it arrives

    @property
    def keys(self) -> tuple[str, ...]:
        """As they are stored: in the scope now, then in those of before."""
        scopes = (self.shop.id, *self.shop.was)
        return tuple([scoped_key(_DOOR, one, self.key) for one in scopes])

    def origin(self, content: bytes, *, actions: tuple[bytes, ...] = ()) -> Origin:
        """``actions``: under which the key may have been used for no receipt."""
        return Origin(
            door=_DOOR,
            account=self.shop.id,
            scope=self.shop.id,
            client_key=self.key,
            content=content,
            was=self.shop.was,
            guard=self.guard(content, guard_for=None),
            actions=actions,
        )

    def guard(self, content: bytes, *, guard_for: timedelta | None) -> PressGuard:
        """``guard_for`` None: however old an equal press is."""
        return PressGuard(
            account=self.shop.id,
            content=content,
            caller=self.caller,
            guard_for=guard_for,
        )

    def is_for(self, view: "DeviceView | NamedRegister") -> None:
        """The register of the command: every answer from now on names it."""
        self.device = {"NumDevice": view.name.number, "UnitName": view.register_id}

    def names(self, register_id: str) -> bool:
        """Whether every answer names this register."""
        return self.device.get("UnitName") == register_id

    def tells(self, subject: str) -> None:
        """The answer says what became of this press."""
        self.told.append(subject)
