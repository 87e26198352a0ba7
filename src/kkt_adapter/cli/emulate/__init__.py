"""``kkt-adapter emulate``: the other side of the line, for trying things out without hardware or an operator.

In: options. Out: a stand-in of ``emulators`` in the foreground until Ctrl+C or SIGTERM. It says what to call.
"""

from kkt_adapter.cli.emulate.registers import emulate_app

__all__ = ["emulate_app"]
