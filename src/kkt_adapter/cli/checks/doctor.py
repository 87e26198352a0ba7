"""``kkt-adapter doctor``: is everything there that the service needs, and if not, what to do.

Needs no running service and changes nothing. Exit code 0 when nothing is bad (warnings are no reason to stop
a deployment), 1 when something is, 2 when not even the configuration can be read.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kkt_adapter.cli.screen import complain, json_line, line, plain
from kkt_adapter.cli.texts import said, say

if TYPE_CHECKING:
    from kkt_adapter.cli.checks.findings import CheckFinding
    from kkt_adapter.settings import RegisterSettings, Settings

BAD, UNREADABLE = 1, 2  # exit codes
SHOWN = 10  # variables in one finding
_MARKS = {"ok": "+", "warning": "!", "bad": "x"}
_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "bad": typer.colors.RED}


def doctor(
    config: Annotated[
        Path | None, typer.Option(help="TOML file [KKT_CONFIG, ./kkt-adapter.toml]", exists=True)
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the service keeps its data [KKT_DATA_DIR, ./var]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON, for scripts.")] = False,
) -> None:
    """Check configuration, disk, clock, database, registers, operator, Redis and the service itself."""
    from kkt_adapter.cli.checks.findings import CheckLevel
    from kkt_adapter.kernel.errors import SettingsInvalid
    from kkt_adapter.settings import load_settings

    try:
        settings = load_settings(file=config, overrides={"data_dir": data_dir})
    except SettingsInvalid as error:
        complain(f"x {say('configuration', 'настройки')}: {said(error.detail)}")
        raise typer.Exit(UNREADABLE) from error
    findings = [*_unread_variables(config), *_examine(settings)]
    if as_json:
        json_line([_as_json(finding) for finding in findings])
    else:
        _show(findings)
    if any(finding.level is CheckLevel.BAD for finding in findings):
        raise typer.Exit(BAD)


def _examine(settings: "Settings") -> "list[CheckFinding]":
    from kkt_adapter.cli.checks import checkup, identity, peers
    from kkt_adapter.kernel.clock import SystemClock

    now = SystemClock().now()
    database, rows = checkup.check_database(settings)
    findings = [
        *_configuration(settings),
        *checkup.check_disk(settings),
        *checkup.check_clock(now, rows),
        *database,
        *identity.check_identity(settings),
        *checkup.check_copies(settings, now, rows),
    ]
    for register in settings.registers:
        findings += checkup.check_register(settings, register, now, rows)
    for transport, address, port in peers.operators(settings):
        findings += peers.check_operator(settings, transport, address, port)
    return [*findings, *peers.check_redis(settings), *peers.check_service(settings)]


def _unread_variables(config: Path | None) -> "list[CheckFinding]":
    """Variables KKT_* that nothing reads: misspelt beyond a guess, or of another program."""
    from kkt_adapter.cli.checks.findings import warn
    from kkt_adapter.kernel.errors import Text
    from kkt_adapter.settings.loading import unread_variables

    names = ", ".join(unread_variables(os.environ, config)[:SHOWN])
    if not names:
        return []
    return [
        warn(
            "environment",
            Text(f"nothing reads {names}", f"никто не читает {names}"),
            Text(
                "correct the name, or leave it if it is another program's",
                "исправьте имя или оставьте, если это переменная другой программы",
            ),
        )
    ]


def _configuration(settings: "Settings") -> "list[CheckFinding]":
    from kkt_adapter.cli.checks.findings import good, warn
    from kkt_adapter.kernel.errors import Text

    if not settings.registers and settings.catalog.source_configured:
        return [good("configuration", "readable, catalogue only", "читается, только каталог")]
    if not settings.registers:
        return [
            warn(
                "configuration",
                Text("no register is configured", "не настроена ни одна ККТ"),
                Text(
                    "add a [[register]] to kkt-adapter.toml; without one only serve --demo starts",
                    "добавьте [[register]] в kkt-adapter.toml; без неё запустится только serve --demo",
                ),
            )
        ]
    refused = _refused_secret(settings)
    if refused is not None:
        return [refused]
    n = len(settings.registers)
    found = [good("configuration", f"readable, registers: {n}", f"читается, ККТ: {n}")]
    return found + [_nameless_cashier(r) for r in settings.registers if r.names_no_cashier]


def _nameless_cashier(register: "RegisterSettings") -> "CheckFinding":
    from kkt_adapter.cli.checks.findings import warn
    from kkt_adapter.kernel.errors import Text

    return warn(
        f"cashier {register.id}",
        Text(
            f"the default cashier {register.cashier!r} has no surname; tag 1021 wants post and surname",
            f"кассир по умолчанию {register.cashier!r} без фамилии; в 1021 нужны должность и фамилия",
        ),
        Text(
            'set cashier = "Кассир Иванова А. А." of the register, or send cashier with every receipt',
            'задайте cashier = "Кассир Иванова А. А." у кассы или передавайте cashier в каждом чеке',
        ),
    )


def _refused_secret(settings: "Settings") -> "CheckFinding | None":
    """AUTH_SECRET as a start would judge it; without one, and without PostgreSQL, a start makes a file."""
    from kkt_adapter.cli.checks.findings import bad
    from kkt_adapter.kernel.errors import SettingsInvalid, Text
    from kkt_adapter.runtime.auth.secret import signing_secret
    from kkt_adapter.runtime.db.urls import sqlite_path

    given = settings.sign_in.secret.get_secret_value() or None
    on_server = sqlite_path(settings.database) is None
    if not (given or on_server):
        return None
    try:
        signing_secret(given, data_dir=settings.data_dir, dialect="postgresql" if on_server else "sqlite")
    except SettingsInvalid as error:
        remedy = Text(
            "set AUTH_SECRET, the same on every node: openssl rand -hex 32",
            "задайте AUTH_SECRET, одинаковый на всех узлах: openssl rand -hex 32",
        )
        return bad("configuration", error.detail, remedy)
    return None


def _show(findings: "Sequence[CheckFinding]") -> None:
    for finding in findings:
        mark = typer.style(_MARKS[finding.level], fg=_COLOURS[finding.level], bold=True)
        line(f"{mark} {finding.subject}: {plain(said(finding.found))}")
        if finding.remedy is not None:
            line(f"    -> {plain(said(finding.remedy))}")


def _as_json(finding: "CheckFinding") -> dict[str, str | None]:
    return {
        "subject": finding.subject,
        "level": finding.level.value,
        "found": said(finding.found),
        "remedy": None if finding.remedy is None else said(finding.remedy),
    }
