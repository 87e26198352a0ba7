"""``kkt-adapter accounts`` on a real database file."""

import asyncio
from pathlib import Path

import pytest
from tests.support.accounts import PASSWORD, wire
from typer.testing import CliRunner, Result

from kkt_adapter.cli.accounts import accounts_app
from kkt_adapter.kernel.errors import NotAuthenticated
from kkt_adapter.runtime.auth.roles import Principal, Role, Scope
from kkt_adapter.runtime.db.sqlite import SqliteDatabase

NEW = "another long one"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "BUFFER_DB_PATH", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KKT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # no configuration file here


def run(*arguments: str, password: str | None = None) -> Result:
    return CliRunner().invoke(accounts_app, arguments, input=None if password is None else password + "\n")


def sign_in(folder: Path, name: str, password: str) -> Role:
    async def login() -> Role:
        db = SqliteDatabase(folder / "buffer.db")
        parts = wire(db)
        try:
            return (await parts.sign_in.login(name, password, address="test")).account.role
        finally:
            parts.passwords.close()
            await db.close()

    return asyncio.run(login())


def admit(folder: Path, token: str) -> Principal:
    async def enter() -> Principal:
        db = SqliteDatabase(folder / "buffer.db")
        parts = wire(db)
        try:
            return await parts.gate.admit(f"Bearer {token}")
        finally:
            parts.passwords.close()
            await db.close()

    return asyncio.run(enter())


def test_the_first_admin_is_made_before_the_service_ever_ran(tmp_path: Path) -> None:
    made = run("add", "Olga", "--role", "admin", "--password-stdin", password=PASSWORD)
    assert (made.exit_code, made.stdout) == (0, "olga: admin\n")
    assert sign_in(tmp_path / "data", "olga", PASSWORD) is Role.ADMIN


def test_spaces_belong_to_the_password_and_the_line_end_does_not(tmp_path: Path) -> None:
    run("add", "olga", "--password-stdin", password=f" {PASSWORD} \r")
    assert sign_in(tmp_path / "data", "olga", f" {PASSWORD} ") is Role.VIEWER


def test_without_the_option_the_password_is_asked_for_twice(tmp_path: Path) -> None:
    made = run("add", "olga", password=f"{PASSWORD}\n{PASSWORD}")
    assert made.exit_code == 0
    assert PASSWORD not in made.output
    assert sign_in(tmp_path / "data", "olga", PASSWORD) is Role.VIEWER


def test_accounts_are_listed_disabled_enabled_and_changed(tmp_path: Path) -> None:
    run("add", "olga", "--role", "admin", "--password-stdin", password=PASSWORD)
    run("add", "иван", "--role", "viewer", "--password-stdin", password=PASSWORD)
    assert run("role", "иван", "manager").stdout == "иван: manager\n"
    assert run("disable", "иван").stdout == "иван: disabled\n"
    lines = run("list").stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["olga", "admin", "enabled"],
        ["иван", "manager", "disabled"],
    ]
    assert run("enable", "иван").stdout == "иван: enabled\n"
    assert run("passwd", "иван", "--password-stdin", password=NEW).exit_code == 0
    assert sign_in(tmp_path / "data", "иван", NEW) is Role.MANAGER


def test_the_last_admin_cannot_be_disabled() -> None:
    run("add", "olga", "--role", "admin", "--password-stdin", password=PASSWORD)
    refused = run("disable", "olga")
    assert refused.exit_code == 1
    assert "last enabled admin" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "password", "said"),
    [
        (("add", "ol ga", "--password-stdin"), PASSWORD, "account name"),
        (("add", "olga", "--password-stdin"), "short", "10 to 128"),
        (("disable", "nobody"), None, "no such account"),
        (("passwd", "nobody", "--password-stdin"), PASSWORD, "no such account"),
        (("token", "add"), None, "1 to 1000 tills"),
        (("token", "add", "--scope", "read", "--pos", "POS-1"), None, "1 to 1000 tills"),
        (("token", "revoke", "0190"), None, "no such till token"),
    ],
)
def test_a_refusal_is_one_line_and_code_1(
    arguments: tuple[str, ...], password: str | None, said: str
) -> None:
    refused = run(*arguments, password=password)
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_refusal_is_in_russian_where_the_system_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    assert "Такой учётной записи нет" in run("disable", "nobody").stderr


def test_only_the_token_goes_to_standard_output(tmp_path: Path) -> None:
    made = run("token", "add", "--pos", "POS-001", "--pos", "POS-002", "--note", "till 1")
    token = made.stdout.strip()
    principal = admit(tmp_path / "data", token)
    assert principal.scopes == {Scope.POS}
    assert principal.pos_ids == {"POS-001", "POS-002"}
    listed = run("token", "list").stdout
    assert token not in listed
    assert "POS-001, POS-002" in listed
    token_id = principal.name.removeprefix("till:")
    assert run("token", "revoke", token_id).stdout == f"{token_id}: revoked\n"
    with pytest.raises(NotAuthenticated):
        admit(tmp_path / "data", token)


def test_a_database_named_in_the_environment_goes_before_the_data_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.db")
    assert run("add", "olga", "--password-stdin", password=PASSWORD).exit_code == 0
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "data").exists()


def test_the_data_directory_can_be_given_on_the_command_line(tmp_path: Path) -> None:
    made = run("add", "olga", "--password-stdin", "--data-dir", str(tmp_path / "other"), password=PASSWORD)
    assert made.exit_code == 0
    assert sign_in(tmp_path / "other", "olga", PASSWORD) is Role.VIEWER
