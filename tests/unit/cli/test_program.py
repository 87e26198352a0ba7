"""The program as a whole: its parts, and what starting it costs."""

import re
import subprocess
import sys

import pytest
from tests.support.cli import run

from kkt_adapter import __version__
from kkt_adapter.cli.program import PARTS, app, load

HEAVY = ("sqlalchemy", "fastapi", "aiohttp", "pydantic", "uvicorn", "alembic", "kkt_adapter.settings")


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_help_names_every_part() -> None:
    shown = run(app, "--help").stdout
    for name, part in PARTS.items():
        assert re.search(rf"\b{name}\b", shown)
        assert part.help in shown


def test_help_imports_nothing_heavy() -> None:
    loaded = python(
        "import sys\n"
        "from kkt_adapter.cli import main\n"
        "sys.argv = ['kkt-adapter', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    assert "LOADED []" in loaded


@pytest.mark.parametrize("name", sorted(PARTS))
def test_every_part_is_there_and_says_what_it_does(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert command.help


@pytest.mark.parametrize("name", ["receipts", "dead-letters", "shifts", "db", "ffd", "emulate"])
def test_a_group_says_of_itself_what_the_help_says_of_it(name: str) -> None:
    assert load(name).help == PARTS[name].help


def test_a_mistyped_name_gets_a_suggestion() -> None:
    result = run(app, "recepts", "list")
    assert result.exit_code == 2
    assert "receipts" in result.stderr


def test_parts_work_through_the_program() -> None:
    result = run(app, "ffd", "decode", "1004 0400 0c000000", "--json")
    assert (result.exit_code, result.stdout) == (
        0,
        '{"shape":"tlv","document":{"fiscalDocumentNumber":12}}\n',
    )


def test_the_version_is_shown() -> None:
    assert run(app, "--version").stdout == f"kkt-adapter {__version__}\n"


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kkt_adapter", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"kkt-adapter {__version__}\n"


def test_a_terminal_without_russian_letters_still_gets_an_answer() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kkt_adapter", "ffd", "decode", "1004 0400 0c000000"],
        capture_output=True,
        env={"LC_ALL": "ru_RU.UTF-8", "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"1040 ???" in done.stdout
