"""``kkt-adapter accounts``: people and tokens of tills, straight in the database, service running or not.

A running service notices within ten seconds. Passwords come from a prompt or from standard input, never from
the command line, where every user of the machine could read them.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from kkt_adapter.cli.database.opening import DataDir, run_on_database
from kkt_adapter.cli.screen import complain, line, moment, table
from kkt_adapter.cli.texts import say
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.runtime.auth.accounts import Account, Accounts
from kkt_adapter.runtime.auth.passwords import Passwords
from kkt_adapter.runtime.auth.roles import Role, Scope
from kkt_adapter.runtime.auth.till_tokens import NewTillToken, TillToken, TillTokens
from kkt_adapter.runtime.db.protocol import Database

T = TypeVar("T")

accounts_app = typer.Typer(
    name="accounts", help="Accounts of people and tokens of tills.", no_args_is_help=True
)
token_app = typer.Typer(name="token", help="Tokens of tills.", no_args_is_help=True)
accounts_app.add_typer(token_app)

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking.")
]
Name = Annotated[str, typer.Argument(help="Name of the account.")]


@accounts_app.command("add")
def add_account(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the account may do.")] = Role.VIEWER,
    password_stdin: PasswordStdin = False,
    data_dir: DataDir = None,
) -> None:
    """Make an account; the very first one is usually an admin."""
    password = _password(from_stdin=password_stdin)
    made = _with_accounts(data_dir, lambda accounts: accounts.add(name, role, password=password))
    line(f"{made.name}: {made.role}")


@accounts_app.command("list")
def list_accounts(data_dir: DataDir = None) -> None:
    """Show all accounts."""
    found = _with_accounts(data_dir, lambda accounts: accounts.list_all())
    table(
        (
            say("name", "имя"),
            say("role", "роль"),
            say("state", "состояние"),
            say("created", "создана"),
            say("last sign-in", "последний вход"),
        ),
        ((a.name, a.role, _state(a), _time(a.created_at), _time(a.last_login_at)) for a in found),
    )


@accounts_app.command("disable")
def disable(name: Name, data_dir: DataDir = None) -> None:
    """Refuse sign-in and end the access tokens in use."""
    changed = _with_accounts(data_dir, lambda accounts: accounts.change(name, disabled=True))
    line(f"{changed.name}: {_state(changed)}")


@accounts_app.command("enable")
def enable(name: Name, data_dir: DataDir = None) -> None:
    """Allow sign-in again."""
    changed = _with_accounts(data_dir, lambda accounts: accounts.change(name, disabled=False))
    line(f"{changed.name}: {_state(changed)}")


@accounts_app.command("passwd")
def set_password(name: Name, password_stdin: PasswordStdin = False, data_dir: DataDir = None) -> None:
    """Replace the password and end the access tokens in use."""
    password = _password(from_stdin=password_stdin)
    changed = _with_accounts(data_dir, lambda accounts: accounts.set_password(name, password=password))
    line(say(f"{changed.name}: password changed", f"{changed.name}: пароль изменён"))


@accounts_app.command("role")
def set_role(name: Name, role: Role, data_dir: DataDir = None) -> None:
    """Change what an account may do."""
    changed = _with_accounts(data_dir, lambda accounts: accounts.change(name, role=role))
    line(f"{changed.name}: {changed.role}")


@token_app.command("add")
def add_token(
    pos: Annotated[list[str] | None, typer.Option("--pos", help="A till (pos_id); may be repeated.")] = None,
    scope: Annotated[Scope, typer.Option(help="pos: receipts of the named tills; read: status.")] = Scope.POS,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Make a token and show it, this one time; the token alone goes to standard output."""

    def make(tokens: TillTokens) -> Awaitable[NewTillToken]:
        return tokens.add(scope, pos_ids=tuple(pos or ()), note=note, by=who())

    made = _with_till_tokens(data_dir, make)
    line(made.text)
    complain(
        say(
            f"Token {made.token.id}: write it down, it is not shown again.",
            f"Токен {made.token.id}: запишите его, больше он не будет показан.",
        )
    )


@token_app.command("list")
def list_tokens(data_dir: DataDir = None) -> None:
    """Show all tokens, without their secrets."""
    found = _with_till_tokens(data_dir, lambda tokens: tokens.list_all())
    table(
        (
            "id",
            say("scope", "право"),
            say("tills", "кассы"),
            say("note", "примечание"),
            say("created", "создан"),
            say("last used", "использован"),
            say("revoked", "отозван"),
        ),
        map(_row, found),
    )


@token_app.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(help="As shown by the list.")],
    data_dir: DataDir = None,
) -> None:
    """End a token."""
    revoked = _with_till_tokens(data_dir, lambda tokens: tokens.revoke(token_id))
    line(say(f"{revoked.id}: revoked", f"{revoked.id}: отозван"))


def _with_accounts(data_dir: Path | None, act: Callable[[Accounts], Awaitable[T]]) -> T:
    async def work(db: Database) -> T:
        passwords = Passwords()
        try:
            return await act(Accounts(db, passwords, SystemClock()))
        finally:
            passwords.close()

    return run_on_database(data_dir, work)


def _with_till_tokens(data_dir: Path | None, act: Callable[[TillTokens], Awaitable[T]]) -> T:
    return run_on_database(data_dir, lambda db: act(TillTokens(db, SystemClock())))


def _password(*, from_stdin: bool) -> str:
    """One line: only the line end is cut off, spaces belong to the password."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = typer.prompt(say("Password", "Пароль"), hide_input=True, confirmation_prompt=True)
    return answer


def who() -> str:
    """For the record: who made a token."""
    try:
        return f"cli:{getuser()}"
    except (OSError, KeyError):  # a process without a user entry, as in some containers
        return "cli"


def _row(token: TillToken) -> tuple[str, ...]:
    tills = ", ".join(sorted(token.pos_ids))
    times = (token.created_at, token.last_used_at, token.revoked_at)
    return (token.id, token.scope, tills, token.note, *(_time(at) for at in times))


def _state(account: Account) -> str:
    return "disabled" if account.disabled else "enabled"


def _time(at: datetime | None) -> str:
    return moment(None if at is None else at.isoformat())
