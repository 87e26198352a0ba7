"""The reference page of FFD tags, written from the dictionary.

python -m kkt_adapter.fiscal.ffd.reference > docs/reference/ffd-tags.md
"""

import sys

from kkt_adapter.fiscal.ffd.tags import Tag, TagType, registry

_INTRODUCTION = """\
# FFD tags

Written from `src/kkt_adapter/fiscal/ffd/ffd_tags.csv`; do not edit this page, run
`python -m kkt_adapter.fiscal.ffd.reference > docs/reference/ffd-tags.md`. A test compares the two.

How to read a row:

- **JSON**: the name under which operators and the tax service show the tag, and under which
  `kkt-adapter ffd decode` does. A dash: no published name was found, our own English name is used.
- **Type and size**: how the value is written ([ofd-protocol.md](ofd-protocol.md), TLV). `= n` is exactly n
  bytes, `<= n` at most n; a plain type has its own width or no known limit. Strings are CP866; those of exact
  size are filled with spaces.
- **In**: documents and nested tags it may stand in.
- **FFD**: versions that know the tag.
- `*` after the number: may stand several times in one parent.

Sources: the FNS format tables (order ED-7-20/662@ of 2020-09-14, amended by ED-7-20/1038@ of 2024-11-15,
ED-7-20/236@ of 2025-03-26 and ED-7-20/1050@ of 2025-12-08) as several public implementations code them. The
full official texts were not at hand. Where the implementations differ the note says so; what is marked
unconfirmed, and the sizes of the tags added in 2025, should not be relied on without a second source. Reading
does not depend on them: an unknown tag, or a value that does not fit its row, is kept raw and is never an
error.
"""

_SECTIONS = (
    ("Documents", range(1, 1000)),
    ("Requisites", range(1000, 2000)),
    ("Marked goods (FFD 1.2)", range(2000, 65000)),
    ("FN archive export", range(65000, 65536)),
)


def page() -> str:
    """The whole page, Markdown, ending with a newline."""
    return _INTRODUCTION + "".join(
        _section(title, [t for t in registry().values() if t.number in numbers])
        for title, numbers in _SECTIONS
    )


def _section(title: str, tags: list[Tag]) -> str:
    head = "| Tag | Name | Наименование | JSON | Type and size | In | FFD | Notes |\n"
    return f"\n## {title}\n\n{head}|{' --- |' * 8}\n" + "".join(_row(tag) for tag in tags)


def _row(tag: Tag) -> str:
    cells = (
        f"{tag.number}{'*' if tag.repeats else ''}",
        f"`{tag.name_en}`",
        tag.name_ru,
        f"`{tag.json_name}`" if tag.json_name else "-",
        _type(tag),
        ", ".join(str(p) for p in sorted(tag.parents)) or "-",
        ", ".join(v.text for v in sorted(tag.versions)),
        tag.notes,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _type(tag: Tag) -> str:
    if tag.size is None:
        return str(tag.type)
    if tag.fixed and tag.type in (TagType.STRING, TagType.BYTES):
        return f"{tag.type} = {tag.size}"
    return str(tag.type) if tag.fixed else f"{tag.type} <= {tag.size}"


if __name__ == "__main__":
    sys.stdout.write(page())
