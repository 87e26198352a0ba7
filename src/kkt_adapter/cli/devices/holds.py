"""``kkt-adapter registers hold | drain | release``: set a register aside, or put it back to work."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from kkt_adapter.cli.client import AsJson, Token, Url, open_service
from kkt_adapter.cli.evidence import Reason
from kkt_adapter.cli.screen import json_line, line, plain
from kkt_adapter.cli.texts import say

Register = Annotated[str, typer.Argument(metavar="ID", help="As in [[register]] of the configuration.")]


def hold(
    register: Register, reason: Reason, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Print no receipt on it until it is released; waiting receipts of its groups go to the others."""
    with open_service(url, token) as service:
        held = service.register.hold(register, {"reason": reason})
    name = plain(register)
    _tell(held, as_json, say(f"{name} is held", f"{name} выведена из работы"))
    if held["moved"] and not as_json:
        line(say(f"receipts moved: {held['moved']}", f"чеков передано другим ККТ: {held['moved']}"))


def drain(
    register: Register, reason: Reason, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Print what waits for it, and take no new receipt."""
    with open_service(url, token) as service:
        drained = service.register.drain(register, {"reason": reason})
    name = plain(register)
    _tell(drained, as_json, say(f"{name} is drained", f"{name} освобождается"))


def release(
    register: Register, reason: Reason, as_json: AsJson = False, url: Url = None, token: Token = None
) -> None:
    """Put it back to work."""
    with open_service(url, token) as service:
        released = service.register.release(register, {"reason": reason})
    name = plain(register)
    _tell(released, as_json, say(f"{name} is back at work", f"{name} снова в работе"))


def _tell(answer: Mapping[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        json_line(answer)
    else:
        line(words)
