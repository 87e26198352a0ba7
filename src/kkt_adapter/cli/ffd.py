"""``kkt-adapter ffd decode``: fiscal bytes from a log, a capture or a file, made readable."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kkt_adapter.cli.screen import complain, json_line, plain, tree, whole
from kkt_adapter.cli.texts import said, say, speaks_russian

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from kkt_adapter.fiscal.ffd.tlv import TlvError
    from kkt_adapter.fiscal.ofd.container import FrameError
    from kkt_adapter.fiscal.ofd.describe import Described, DescribedElement

ffd_app = typer.Typer(name="ffd", help="Fiscal data formats.", no_args_is_help=True)

MAX_INPUT_BYTES = 1024 * 1024  # a message has 32 KiB at most; hex and spaces make it a few times as long
NOT_READABLE = 1  # exit code
_TEXT = frozenset({*range(0x20, 0x7F), *b"\t\r\n"})
_SEPARATORS = str.maketrans("", "", " \t\r\n:,")


@ffd_app.callback()
def _ffd() -> None:
    """Fiscal data formats."""


@ffd_app.command("decode")
def decode(
    source: Annotated[
        str,
        typer.Argument(metavar="HEX|FILE|-", help="Hex digits, a file of hex or of bytes, or - for input."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As operators show documents.")] = False,
) -> None:
    """Show what a message, a container or bare TLV says; the bytes tell which of them it is."""
    from kkt_adapter.fiscal.ffd.tlv import TlvError
    from kkt_adapter.fiscal.ofd.container import FrameError
    from kkt_adapter.fiscal.ofd.describe import describe

    try:
        described = describe(read_bytes(source))
    except NotHex as error:
        complain(str(error))
        raise typer.Exit(NOT_READABLE) from error
    except FrameError as error:
        complain(_frame_fault(error))
        raise typer.Exit(NOT_READABLE) from error
    except TlvError as error:
        complain(_tlv_fault(error))
        raise typer.Exit(NOT_READABLE) from error
    if as_json:
        json_line({"shape": described.shape.value, **described.envelope(), "document": described.json()})
    else:
        tree(_drawn(described))


class NotHex(ValueError):
    """What was given is neither bytes nor hex; the text says where it goes wrong."""


def read_bytes(source: str) -> bytes:
    """The bytes of ``-`` (standard input), of a file, or of hex digits.

    A file and standard input may hold the bytes themselves or hex digits, with spaces, line ends, colons and
    commas between them.

    Raises:
        NotHex: also for a file that is empty, too long or not readable.
    """
    path = Path(source)
    try:
        if source == "-":
            return _bytes_or_hex(sys.stdin.buffer.read(MAX_INPUT_BYTES + 1))
        if _is_file(path):
            with path.open("rb") as file:
                return _bytes_or_hex(file.read(MAX_INPUT_BYTES + 1))
    except OSError as error:
        raise NotHex(f"{source}: {error.strerror}") from error
    return from_hex(source)


def from_hex(text: str) -> bytes:
    """Raises NotHex, naming the first character that does not belong."""
    digits = text.strip().removeprefix("0x").translate(_SEPARATORS)
    if not digits:
        raise NotHex(say("There is nothing to decode.", "Нет данных для разбора."))
    for position, character in enumerate(digits):
        if character not in "0123456789abcdefABCDEF":
            raise NotHex(
                say(
                    f"Neither a file nor hex: {plain(character)!r} is no hex digit (digit {position + 1}).",
                    f"Это не файл и не hex: {plain(character)!r} — не шестнадцатеричная цифра "
                    f"(знак {position + 1}).",
                )
            )
    if len(digits) % 2:
        raise NotHex(
            say(
                f"An odd number of hex digits ({len(digits)}): one is missing or too much.",
                f"Нечётное число шестнадцатеричных цифр ({len(digits)}): одной не хватает или она лишняя.",
            )
        )
    return bytes.fromhex(digits)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # hex as long as a document is no file name
        return False


def _bytes_or_hex(data: bytes) -> bytes:
    if len(data) > MAX_INPUT_BYTES:
        raise NotHex(
            say(
                f"More than {MAX_INPUT_BYTES} bytes: this is not one document.",
                f"Больше {MAX_INPUT_BYTES} байт: это не один документ.",
            )
        )
    if all(byte in _TEXT for byte in data):
        return from_hex(data.decode("ascii"))
    return data  # fiscal bytes are never text: every length below 256 has a zero byte


def _frame_fault(error: "FrameError") -> str:
    from kkt_adapter.fiscal.ofd.container import Reason

    known = {
        Reason.BAD_CRC: say("the check code of the container is wrong", "неверная сумма CRC контейнера"),
        Reason.BAD_CHECK_CODE: say(
            "the check code of the session header is wrong", "неверная сумма CRC заголовка"
        ),
        Reason.BAD_SIZE: say("the length is wrong", "неверная длина"),
        Reason.TOO_LARGE: say("longer than a document may be", "длиннее допустимого"),
        Reason.BAD_VERSION: say("unknown protocol version", "неизвестная версия протокола"),
        Reason.BAD_FLAGS: say("impossible flags", "недопустимые флаги"),
        Reason.BAD_TYPE: say("unknown container type", "неизвестный тип контейнера"),
        Reason.BAD_FN: say("not an FN number", "неверный номер ФН"),
    }
    what = known.get(error.reason, error.reason.value)
    detail = f" ({plain(error.detail)})" if error.detail else ""
    return say("Cannot be decoded: ", "Не удаётся разобрать: ") + what + detail


def _tlv_fault(error: "TlvError") -> str:
    return say(
        f"Neither a message nor a container, and broken as TLV: {plain(error)}",
        f"Это не сообщение и не контейнер, а как TLV повреждено: {plain(error)}",
    )


def _drawn(described: "Described") -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    titles = {
        "message": say("message", "сообщение"),
        "container": say("container", "контейнер"),
        "tlv": say("TLV", "TLV"),
    }
    root = Tree(Text(titles[described.shape.value], style="bold"))
    for name, members in described.envelope().items():
        title = say("session header", "заголовок сеанса") if name == "session" else titles[name]
        branch = root.add(Text(title, style="bold")) if name != described.shape.value else root
        for member, value in members.items():
            branch.add(_pair(member, _fact(value)))
    if described.opaque:
        root.add(_pair(say("encrypted document", "зашифрованный документ"), described.opaque.hex()))
    _grow(root, described.nodes)
    return root


def _grow(branch: "Tree", nodes: Iterable["DescribedElement"]) -> None:
    from rich.text import Text

    for node in nodes:
        name = (node.name_ru if speaks_russian() else node.name_en) or say("unknown tag", "неизвестный тег")
        label = Text.assemble((str(node.tag), "cyan"), " ", plain(name))
        if not node.nested:
            label.append("  ")
            label.append(whole(node.text), style="bold")
            if node.meaning is not None:
                label.append(f"  {said(node.meaning)}", style="green")
        _grow(branch.add(label), node.children)


def _pair(name: str, value: str) -> "Text":
    from rich.text import Text

    return Text.assemble((name, "dim"), "  ", (value, "bold"))


def _fact(value: Any) -> str:
    return (
        say("yes" if value else "no", "да" if value else "нет") if isinstance(value, bool) else plain(value)
    )
