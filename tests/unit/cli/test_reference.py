"""``docs/reference/cli.md`` names every command and every option of ours."""

import re
from pathlib import Path
from typing import Any

import pytest

from kkt_adapter.cli.program import PARTS, load

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
OURS = ("status", "receipts", "shifts", "sync", "dead-letters", "db", "ffd", "emulate")
EVERYWHERE = {"--help", "--url", "--token", "--json", "--data-dir"}  # described once for all


def commands(name: str) -> list[tuple[str, Any]]:
    command = load(name)
    inside = getattr(command, "commands", None)
    return [(f"{name} {key}", found) for key, found in inside.items()] if inside else [(name, command)]


@pytest.mark.parametrize("name", OURS)
def test_every_command_and_option_is_described(name: str) -> None:
    for path, command in commands(name):
        usage = "\n".join(line for line in PAGE.splitlines() if f"kkt-adapter {path}" in line)
        assert usage, f"{path} has no usage line"
        long = {text for parameter in command.params for text in parameter.opts if text.startswith("--")}
        assert long - EVERYWHERE <= set(re.findall(r"--[a-z-]+", usage)), path


def test_every_part_is_in_the_table() -> None:
    for name in PARTS:
        assert f"| `{name}` |" in PAGE
    for option in ("--url", "--token", "--json", "--data-dir"):
        assert option in PAGE
