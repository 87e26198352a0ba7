"""``kkt-adapter serve`` as a command: its help, and what may be wrong with its arguments."""

from pathlib import Path
from typing import Annotated

import typer

from kkt_adapter.cli.service.serve_options import ServeOptions


def serve(
    demo: Annotated[bool, typer.Option("--demo", help="virtual registers and a built-in operator")] = False,
    register: Annotated[
        str,
        typer.Option(metavar="virtual|shtrih|atol", help="with --demo: kind of register that POS-001 has"),
    ] = "virtual",
    host: Annotated[str | None, typer.Option(help="address to listen on [KKT_HOST, 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="port [KKT_PORT, 8000]; 0 takes a free one")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="everything the service writes [KKT_DATA_DIR, ./var]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file [KKT_CONFIG, ./kkt-adapter.toml]", exists=True)
    ] = None,
) -> None:
    """Run the service."""
    options = ServeOptions(
        demo=demo, register=register, host=host, port=port, data_dir=data_dir, config=config
    )
    if not options.is_possible:
        raise typer.BadParameter(
            "virtual, shtrih or atol, together with --demo; virtual, shtrih или atol, вместе с --demo",
            param_hint="--register",
        )
    from kkt_adapter.cli.service.serve import run

    code = run(options)
    if code:
        raise typer.Exit(code)
