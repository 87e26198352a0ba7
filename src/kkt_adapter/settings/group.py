"""One ``[[group]]``: a pool of registers that sells under one name."""

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field

from kkt_adapter.kernel.errors import Text
from kkt_adapter.settings.register import RegisterSettings

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"  # stands in addresses of doors, so that no escaping is needed


class GroupSettings(BaseModel):
    """Registers of one taxpayer and one FFD. A receipt for the group is printed by one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=ID, description="name of the group; tills and doors send it as pos_id")
    registers: tuple[str, ...] = Field(min_length=1, description="ids of its registers, the preferred first")
    was: tuple[str, ...] = Field(default=(), description="earlier ids of this group; their keys stay known")


def group_faults(groups: Iterable[GroupSettings], registers: tuple[RegisterSettings, ...]) -> Iterator[Text]:
    """Everything that is wrong with the groups of a file."""
    known = {register.id: register for register in registers}
    tills = {till: register.id for register in registers for till in register.tills}
    names: dict[str, str] = {}
    for group in groups:
        where = f"[[group]] {group.id}"
        for name in (group.id, *group.was):
            if name in names:
                yield Text(
                    f"{where}: the name {name} is taken by group {names[name]}",
                    f"{where}: имя {name} уже занято группой {names[name]}",
                )
            names[name] = group.id
        taken_by = tills.get(group.id) or (group.id if group.id in known else None)
        if taken_by is not None:
            yield Text(
                f"{where}: register {taken_by} or its till has this name; a group needs a name of its own",
                f"{where}: так называется ККТ {taken_by} или её касса; группе нужно своё имя",
            )
        yield from _register_faults(where, group, known)


def _register_faults(where: str, group: GroupSettings, known: dict[str, RegisterSettings]) -> Iterator[Text]:
    doubled = sorted({name for name in group.registers if group.registers.count(name) > 1})
    if doubled:
        yield Text(
            f"{where}: {', '.join(doubled)} is named twice", f"{where}: {', '.join(doubled)} указана дважды"
        )
    unknown = sorted({name for name in group.registers if name not in known})
    if unknown:
        yield Text(
            f"{where}: there is no [[register]] {', '.join(unknown)}",
            f"{where}: нет [[register]] {', '.join(unknown)}",
        )
    members = [known[name] for name in group.registers if name in known]
    inns = sorted({member.user_inn for member in members if member.user_inn is not None})
    if len(inns) > 1:
        yield Text(
            f"{where}: its registers have different user_inn: {', '.join(inns)}; a group is of one taxpayer",
            f"{where}: у её ККТ разные user_inn: {', '.join(inns)}; группа — это один налогоплательщик",
        )
    said = {m.ffd_version for m in members if m.driver == "virtual" or "ffd_version" in m.model_fields_set}
    if len(said) > 1:
        yield Text(
            f"{where}: its registers have different ffd_version: {', '.join(sorted(said))}; a group is of "
            "one FFD",
            f"{where}: у её ККТ разные ffd_version: {', '.join(sorted(said))}; в группе один ФФД",
        )
