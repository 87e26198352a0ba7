"""Arguments of ``serve``: read without Typer where they are plain, and then as Typer reads them."""

from dataclasses import asdict
from pathlib import Path

import pytest

from kkt_adapter.cli.program import load
from kkt_adapter.cli.service.serve_options import ServeOptions, plain


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--demo"],
        ["--demo", "--register", "atol"],
        ["--register=virtual"],
        ["--host", "::1", "--port", "0"],
        ["--port=8443", "--host=0.0.0.0"],
        ["--data-dir", "/srv/kkt=1", "--config", "/etc/hosts"],
        ["--data-dir=/srv/kkt=1"],
    ],
)
def test_plain_arguments_mean_what_the_command_line_says(arguments: list[str]) -> None:
    command = load("serve")
    said = command.make_context("serve", list(arguments)).params
    found = plain(arguments)
    assert found is not None
    assert asdict(found) == {
        name: Path(value) if name in ("data_dir", "config") and value is not None else value
        for name, value in said.items()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--demo", "--help"],
        ["--demo=1"],
        ["--port"],
        ["--port", "http"],
        ["--port", "-1"],
        ["--port", "1", "--port", "2"],
        ["--host", "--port"],
        ["--config", "/no/such/file"],
        ["--register", "shtrih"],
        ["--demo", "--register", "mercury"],
        ["--prot", "1"],
        ["here"],
        [""],
    ],
)
def test_the_rest_is_for_the_command_line_to_tell(arguments: list[str]) -> None:
    assert plain(arguments) is None


def test_every_option_of_the_command_can_be_plain() -> None:
    given = {"demo": "--demo", "register": "--register=virtual", "host": "--host=a", "port": "--port=1"}
    given |= {"data_dir": "--data-dir=d", "config": "--config=/etc/hosts"}
    assert set(given) == set(ServeOptions.__dataclass_fields__) == {one.name for one in load("serve").params}
    for name, argument in given.items():
        found = plain([argument])
        assert found is not None and getattr(found, name) is not None
