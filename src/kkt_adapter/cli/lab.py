"""``kkt-adapter lab``: try, on your own machine, whether anything can be lost or doubled.

It starts nodes, registers, an operator and, if wanted, PostgreSQL and Redis of its own, breaks them as the
seed says, and compares three books. Nothing outside a temporary directory is touched.
"""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.screen import complain
from kkt_adapter.cli.texts import say

if TYPE_CHECKING:
    from kkt_adapter.lab.certificate import Certificate
    from kkt_adapter.lab.plan import LabPlan

FAILED, NOT_POSSIBLE = 1, 2  # exit codes
WIDTH = 110  # of the certificate, when the output is no terminal


Seed = Annotated[int, typer.Option(help="The same seed chooses the same faults.")]
Faults = Annotated[int, typer.Option(min=1, max=1_000_000, help="Faults that must hit.")]
Receipts = Annotated[
    int | None,
    typer.Option(min=1, help="Receipts that must be accepted; default: half as many as faults."),
]
Nodes = Annotated[int, typer.Option(min=1, max=4, help="Adapter nodes on one database.")]
DatabaseKind = Annotated[
    str, typer.Option(metavar="sqlite|postgres", help="PostgreSQL must be installed for the second.")
]
WithRedis = Annotated[bool, typer.Option("--redis", help="With a Redis, which must be installed.")]
Devices = Annotated[
    str, typer.Option(metavar="all|none|BRAND,BRAND", help="Real registers, through their emulators.")
]
SmallDisk = Annotated[
    bool, typer.Option("--small-disk", help="SQLite on a file system that gets full; needs root.")
]
Demo = Annotated[bool, typer.Option("--demo", help="Tills that nobody configured sell too, under odd names.")]
Doors = Annotated[
    bool, typer.Option("--doors/--no-doors", help="Shops sell through ATOL Online and KkmServer too.")
]
Scale = Annotated[
    float, typer.Option(min=1, max=50, help="Leases, time-outs and back-offs are so much shorter.")
]
Mixed = Annotated[
    bool, typer.Option("--mixed", help="Rounds take turns: SQLite, two nodes, PostgreSQL with Redis.")
]
RoundOf = Annotated[
    int, typer.Option("--round", min=1, help="More faults than this are done in rounds of so many.")
]
AtOnce = Annotated[int, typer.Option(min=1, max=32, help="Rounds at the same time.")]
Folder = Annotated[Path | None, typer.Option(help="Keep all files here; default: a temporary directory.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the certificate here too.")]
Shown = Annotated[
    Path | None,
    typer.Option(help="Only print this certificate, and whether the source has changed since.", exists=True),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def lab(
    seed: Seed = 1,
    faults: Faults = 300,
    receipts: Receipts = None,
    nodes: Nodes = 1,
    database: DatabaseKind = "sqlite",
    redis: WithRedis = False,
    devices: Devices = "all",
    small_disk: SmallDisk = False,
    demo: Demo = False,
    doors: Doors = True,
    scale: Scale = 10.0,
    mixed: Mixed = False,
    round_: RoundOf = 250,
    at_once: AtOnce = 3,
    folder: Folder = None,
    json_file: JsonFile = None,
    show: Shown = None,
    quiet: Quiet = False,
) -> None:
    """Break the product on purpose and see whether anything is lost or doubled."""
    if show is not None:
        _show(show)
        return
    plan = _plan(
        seed=seed,
        faults=faults,
        receipts=max(1, faults // 2) if receipts is None else receipts,
        nodes=nodes,
        database=database,
        redis=redis,
        devices=devices,
        small_disk=small_disk,
        demo=demo,
        doors=doors,
        scale=scale,
        folder=folder,
    )
    if mixed or plan.faults > round_:
        run = _run_rounds(plan, mixed=mixed, faults=round_, at_once=at_once, quiet=quiet)
    else:
        run = _run(plan, quiet=quiet)
    _tell(_certificate(run), json_file)


def _certificate(run: Coroutine[Any, Any, "Certificate"]) -> "Certificate":
    from kkt_adapter.lab.programs import NotInstalled

    try:
        return asyncio.run(run)
    except NotInstalled as missing:
        complain(say(f"{missing} is not installed.", f"{missing}: не установлено."))
        raise typer.Exit(NOT_POSSIBLE) from missing


def _tell(certificate: "Certificate", json_file: Path | None) -> None:
    """Show it; the exit code says whether it passed."""
    from rich.console import Console

    console = Console()
    certificate.show(console if console.is_terminal else Console(width=WIDTH))
    if json_file is not None:
        json_file.write_text(certificate.as_json(), encoding="utf-8")
    if not certificate.passed:
        raise typer.Exit(FAILED)


def _show(file: Path) -> None:
    from rich.console import Console

    from kkt_adapter.lab.certificate import Certificate
    from kkt_adapter.lab.circumstances import changed_since

    try:
        certificate = Certificate.from_json(file.read_text(encoding="utf-8"))
    except (ValueError, TypeError, KeyError) as error:
        complain(say(f"{file} is no certificate of the lab.", f"{file}: это не сертификат лаборатории."))
        raise typer.Exit(NOT_POSSIBLE) from error
    changed = changed_since(certificate.commit)
    console = Console()
    certificate.show(
        console if console.is_terminal else Console(width=WIDTH),
        remarks=() if changed is None else (f"TODAY: {changed}",),
    )


def _plan(
    *,
    seed: int,
    faults: int,
    receipts: int,
    nodes: int,
    database: str,
    redis: bool,
    devices: str,
    small_disk: bool,
    demo: bool,
    doors: bool,
    scale: float,
    folder: Path | None,
) -> "LabPlan":
    from kkt_adapter.lab.plan import LabPlan

    if database not in ("sqlite", "postgres", "postgresql"):
        raise typer.BadParameter(f"{database!r} is neither sqlite nor postgres", param_hint="--database")
    if folder is not None:
        if folder.exists() and any(folder.iterdir()):
            raise typer.BadParameter(f"{folder} is not empty", param_hint="--folder")
        folder.mkdir(parents=True, exist_ok=True)
    return LabPlan(
        seed=seed,
        faults=faults,
        receipts=receipts,
        nodes=nodes,
        database="sqlite" if database == "sqlite" else "postgresql",
        redis=redis,
        devices=_brands(devices),
        small_disk=small_disk,
        demo=demo,
        doors=doors,
        scale=scale,
        folder=folder,
    )


def _brands(said: str) -> tuple[str, ...]:
    """Raises BadParameter: there is no such brand."""
    from kkt_adapter.lab.devices.brands import BRANDS

    if said in ("all", "none"):
        return tuple(BRANDS) if said == "all" else ()
    names = tuple(name.strip() for name in said.split(","))
    unknown = [name for name in names if name not in BRANDS]
    if unknown:
        raise typer.BadParameter(
            f"{', '.join(unknown)}: not one of {', '.join(BRANDS)}", param_hint="--devices"
        )
    return tuple(dict.fromkeys(names))


async def _run(plan: "LabPlan", *, quiet: bool) -> "Certificate":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from kkt_adapter.lab.run import run_lab

    columns = (TextColumn("{task.description:22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("starting", total=plan.faults)
        return await run_lab(
            plan, progress=lambda stage, hit: bar.update(task, description=stage, completed=hit)
        )


async def _run_rounds(
    plan: "LabPlan", *, mixed: bool, faults: int, at_once: int, quiet: bool
) -> "Certificate":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from kkt_adapter.lab.programs import check_installed
    from kkt_adapter.lab.rounds import MIXED, Setup, merged, rounds_of, run_rounds

    setups = (
        MIXED
        if mixed
        else [
            Setup(
                nodes=plan.nodes,
                database=plan.database,
                redis=plan.redis,
                small_disk=plan.small_disk,
                demo=plan.demo,
            )
        ]
    )
    rounds = rounds_of(plan, faults=faults, setups=setups)
    check_installed(
        postgres=any(one.database != "sqlite" for one in rounds), redis=any(one.redis for one in rounds)
    )
    columns = (TextColumn("{task.description:22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task, failed = bar.add_task("injecting", total=plan.faults), 0

        def tell(certificate: "Certificate") -> None:
            nonlocal failed
            failed += not certificate.passed
            text = f"{failed} rounds failed" if failed else "injecting"
            bar.update(task, description=text, advance=certificate.fault_total)

        certificates = await run_rounds(rounds, at_once=at_once, progress=tell)
    return merged(certificates, seed=plan.seed, duration_s=round(time.monotonic() - began, 1))
