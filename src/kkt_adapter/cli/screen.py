"""What commands show: tables and facts, coloured on a terminal, plain columns into a pipe, JSON for scripts.

Texts from outside (names of goods, an operator's error) may carry escape sequences that drive a terminal;
``plain`` makes them harmless, and everything that is shown goes through it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from kkt_adapter.kernel import jsontext

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GOOD = frozenset({"synced", "printed", "healthy", "ok", "running", "online", "CLOSED", "ready", "info"})
_BAD = frozenset(
    {"failed", "print_failed", "print_unknown", "unhealthy", "down", "dead", "offline", "OPEN", "error", "P1"}
)
GAP = 3  # spaces between columns
_ANY_WIDTH = 1_000_000  # columns; no document has as many characters
_WAITING = frozenset(
    {"pending", "syncing", "new", "printing", "degraded", "HALF_OPEN", "overdue", "trouble", "warning", "P2"}
)


def plain(value: object) -> str:
    """One line without control characters; nothing for None."""
    if value is None:
        return ""
    text = " ".join(str(value).split())
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def whole(text: str) -> str:
    """A value as it is, spaces too; control characters as JSON writes them (``\\u001d``)."""
    return "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)


def moment(text: str | None) -> str:
    """An RFC 3339 time as the wall clock of this machine shows it; anything else as it is."""
    if text is None:
        return ""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return plain(text)
    local = at.astimezone() if at.tzinfo else at  # a register's wall clock has no zone and is kept
    return f"{local:%Y-%m-%d %H:%M:%S}"


def line(text: str) -> None:
    typer.echo(text)


def complain(text: str) -> None:
    """To standard error."""
    typer.echo(text, err=True)


def json_line(value: Any) -> None:
    """Compact JSON on one line; money keeps its digits."""
    typer.echo(jsontext.encode(value))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Columns under their heads."""
    shown = [[plain(cell) for cell in row] for row in rows]
    console = _console()
    columns = list(zip(heads, *shown, strict=True))
    whole_words = [_longest_word(column) for column in columns]
    if not console.is_terminal or sum(whole_words) + GAP * len(heads) > console.width:
        _columns(heads, shown, title)  # on a narrow terminal too: an id that is cut cannot be copied
        return
    from rich import box
    from rich.table import Table

    if title:
        console.print()
        console.print(_styled(title, "bold"))
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column, least in zip(columns, whole_words, strict=True):
        words = all(len(cell) <= least for cell in column)  # no cell has more than one word
        drawn.add_column(column[0], overflow="fold", min_width=least, no_wrap=words)
    for row in shown:
        drawn.add_row(*map(_coloured, row))
    console.print(drawn)


def _longest_word(cells: Sequence[str]) -> int:
    return max((len(word) for cell in cells for word in cell.split()), default=0)


def facts(pairs: Iterable[tuple[str, object]], *, title: str = "") -> None:
    """Names and values, one pair a line; pairs with nothing to say are left out."""
    shown = [(name, plain(value)) for name, value in pairs]
    shown = [(name, value) for name, value in shown if value]
    console = _console()
    if not console.is_terminal:
        _columns((), shown, title)
        return
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in shown:
        grid.add_row(name, _coloured(value))
    if title:
        console.print()
        console.print(_styled(title, "bold"))
    console.print(grid)


def tree(shown: Any) -> None:
    """A rich tree; into a pipe without colours, and whole: rich cuts branches at the width it believes in."""
    console = _console()
    if not console.is_terminal:
        console.width = _ANY_WIDTH
    console.print(shown, soft_wrap=not console.is_terminal)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Say on a terminal that something takes its time; silent elsewhere."""
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def _columns(heads: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    if title:
        typer.echo(f"\n{title}")
    lines = [heads, *rows] if heads else list(rows)
    if not lines:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for cells in lines:
        typer.echo("  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip())


def _console() -> "Console":
    """Made for each use: standard output may have been replaced since the last one."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def _coloured(word: str) -> "Text":
    style = "green" if word in _GOOD else "red" if word in _BAD else "yellow" if word in _WAITING else ""
    return _styled(word, style)


def _styled(text: str, style: str) -> "Text":
    from rich.text import Text

    return Text(text, style=style)
