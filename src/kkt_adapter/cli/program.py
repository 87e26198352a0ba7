"""One program, ``kkt-adapter``, whose parts are imported when they are called.

Help and shell completion of the program itself read the table below, so they answer at once though some
parts need the database machinery, and others a web server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

PROGRAM = "kkt-adapter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A command or a group of commands: where it is, and its line in the help."""

    module: str
    attribute: str  # a Typer app, or a function that is a command
    help: str


def _part(module: str, attribute: str, help: str) -> Part:
    return Part(module=f"kkt_adapter.cli.{module}", attribute=attribute, help=help)


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "serve": _part("service.serve_command", "serve", "Run the service."),
        "sandbox": _part("service.sandbox_command", "sandbox", "Try everything on virtual registers."),
        "status": _part("sync", "status", "Show health, registers, buffer and alerts."),
        "receipts": _part("receipts", "receipts_app", "Receipts of the running service."),
        "shifts": _part("devices.shifts", "shifts_app", "A register's shift: open it, report, close it."),
        "cash": _part("devices.cash", "cash_app", "Cash put in and taken out: what a person settles."),
        "registers": _part("devices.registers", "registers_app", "Registers: find, look at, test them."),
        "sync": _part("sync", "sync", "Deliver waiting receipts to the operator now."),
        "dead-letters": _part("dead_letters", "dead_letters_app", "Receipts that could not be delivered."),
        "catalog": _part("catalog", "catalog_app", "The product catalogue."),
        "accounts": _part("accounts", "accounts_app", "Accounts of people and tokens of tills."),
        "shops": _part("shops", "shops_app", "Accounts of shops: ATOL Online and KkmServer."),
        "clock": _part("database.clock", "clock_app", "May the host's clock be believed."),
        "db": _part("database.commands", "db_app", "Back up, restore and check the database."),
        "ffd": _part("ffd", "ffd_app", "Fiscal data formats."),
        "doctor": _part("checks.doctor", "doctor", "Check everything the service needs; say what to do."),
        "emulate": _part(
            "emulate", "emulate_app", "Stand-ins for operator, registers, vendor and back office."
        ),
        "lab": _part("lab", "lab", "Break the product on purpose and count the losses."),
    }
)


def load(name: str) -> Any:
    """The real command behind a name of ``PARTS``; imports its module."""
    part = PARTS[name]
    found = getattr(import_module(part.module), part.attribute)
    holder = typer.Typer(add_completion=False)
    holder.callback()(lambda: None)  # keeps a holder of one command a group
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    group = typer.main.get_command(holder)
    assert isinstance(group, TyperGroup)
    return group.commands[name]


class _Program(TyperGroup):
    """Shows stand-ins with names and help lines; a command that is called is loaded first."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, part in PARTS.items():
            self.add_command(TyperCommand(name, help=part.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if name is None or command is None else load(name), rest


app = typer.Typer(cls=_Program, name=PROGRAM, no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from kkt_adapter import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    """Offline-first fiscal receipts: nothing lost, nothing doubled."""


def run() -> None:
    """Carry out what the process was called with."""
    app(prog_name=PROGRAM)
