"""The command line: ``program.py`` has all commands; ``serve`` starts without it.

In: arguments, the settings file and the environment. Out: a command done, and its exit code.
"""

import sys
from io import TextIOWrapper
from typing import Final

INTERRUPTED: Final = 130


def main() -> None:
    """The entry point.

    A ``serve`` whose arguments are plain is started at once: Typer would stay in memory for as long as the
    service runs. Help, and whatever is wrong with arguments, is Typer's.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without some letter shows "?" in its place
    if sys.argv[1:2] == ["serve"]:
        from kkt_adapter.cli.service.serve_options import plain

        options = plain(sys.argv[2:])
        if options is not None:
            from kkt_adapter.cli.service.serve import run

            try:
                sys.exit(run(options))
            except KeyboardInterrupt:  # before the service listens for it
                sys.exit(INTERRUPTED)
    from kkt_adapter.cli.program import run as run_program

    run_program()
