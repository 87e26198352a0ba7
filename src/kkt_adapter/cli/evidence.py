"""What a person needs to see before deciding an unknown outcome: what the register holds since."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from kkt_adapter.cli.screen import facts, moment, table
from kkt_adapter.cli.texts import say

Reason = Annotated[str, typer.Option(help="Why; kept in the audit trail.")]
Adopt = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="The register made it: this is its fiscal document.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask on a terminal.")]
QuestionVersion = Annotated[
    str | None,
    typer.Option(
        "--question",
        metavar="VERSION",
        help="Decide only while the question is the one with this version, as status shows it; on a terminal "
        "it is the one shown.",
    ),
]


def asks(yes: bool) -> bool:
    """Whether a person sits at a terminal and has not said ``--yes``: the decision is asked for once more."""
    return not yes and sys.stdin.isatty() and sys.stdout.isatty()


def show_question(register: Mapping[str, Any]) -> str | None:
    """The open question of one register of ``/v1/kkt/status``; gives its version."""
    question = register["question"]
    baseline = question.get("baseline", {})
    facts(
        (
            (say("register", "ККТ"), register["register_id"]),
            (say("command", "команда"), question["what"]),
            (say("in doubt because", "причина сомнения"), question["reason"]),
            (say("last document before", "последний ФД до команды"), baseline.get("fd_number")),
            (say("drive", "ФН"), baseline.get("fn_number")),
            (say("version of the question", "версия вопроса"), question.get("version")),
        ),
        title=say("What the register says", "Что говорит ККТ"),
    )
    table(
        (
            say("document", "ФД"),
            say("code", "код"),
            say("total", "сумма"),
            say("made", "оформлен"),
            say("receipt key", "ключ чека"),
        ),
        (
            (d["fd_number"], d["code"], d["total"], moment(d["fiscalized_at"]), d["receipt_key"])
            for d in question["documents"]
        ),
        title=say("Documents made since", "Документы после этого"),
    )
    version = question.get("version")
    return None if version is None else str(version)
