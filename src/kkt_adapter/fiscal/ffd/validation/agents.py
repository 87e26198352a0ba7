"""Agents and their suppliers, of a line (1222-1226) and of a whole receipt (1057, 1171).

What each kind of agent has to say follows laws 103-FZ and 161-FZ as makers of registers restate them; the
order's own table was not at hand, so what is missing only warns. What a kind has no use for is refused: there
the shop means another kind.
"""

from dataclasses import replace

from kkt_adapter.fiscal.ffd.validation.findings import Findings
from kkt_adapter.fiscal.ffd.validation.texts import check_inn, fitting, phones
from kkt_adapter.fiscal.model import FfdVersion, LineRequest, ReceiptKind, ReceiptRequest
from kkt_adapter.fiscal.requisites import Agent, AgentType, LineExtras, Supplier
from kkt_adapter.kernel.errors import Text

_BANK = frozenset({AgentType.BANK_PAYING_AGENT, AgentType.BANK_PAYING_SUBAGENT})
_PAYING = frozenset({AgentType.PAYING_AGENT, AgentType.PAYING_SUBAGENT})
_DATA = (
    # field of Agent, tag, kinds it belongs to
    ("operation", 1044, _BANK),
    ("phones", 1073, _BANK | _PAYING),
    ("operator_phones", 1074, _PAYING),
    ("transfer_phones", 1075, _BANK),
    ("transfer_name", 1026, _BANK),
    ("transfer_address", 1005, _BANK),
    ("transfer_inn", 1016, _BANK),
)


def checked_agent(agent: Agent, place: str, found: Findings) -> Agent:
    """The agent with texts and telephones as the document will carry them."""
    missing = []
    for name, tag, kinds in _DATA:
        given = bool(getattr(agent, name))
        if given and agent.type not in kinds:
            _refuse_data(agent, f"{place}.{name}", tag, found)
        elif not given and agent.type in kinds:
            missing.append(f"{name} ({tag})")
    if missing:
        listed = ", ".join(missing)
        found.warn(
            "AGENT_DATA",
            place,
            Text(
                f"An agent of type {agent.type.name.lower()} usually states also: {listed}.",
                f"Агент вида {agent.type.name.lower()} обычно указывает ещё: {listed}.",
            ),
            tag=1223,
        )
    if agent.transfer_inn is not None:
        check_inn(agent.transfer_inn, f"{place}.transfer_inn", tag=1016, found=found)
    return replace(
        agent,
        operation=_fitted(agent.operation, f"{place}.operation", 1044, 24, found),
        transfer_name=_fitted(agent.transfer_name, f"{place}.transfer_name", 1026, 64, found),
        transfer_address=_fitted(agent.transfer_address, f"{place}.transfer_address", 1005, 256, found),
        phones=phones(agent.phones, f"{place}.phones", tag=1073, found=found),
        operator_phones=phones(agent.operator_phones, f"{place}.operator_phones", tag=1074, found=found),
        transfer_phones=phones(agent.transfer_phones, f"{place}.transfer_phones", tag=1075, found=found),
    )


def checked_supplier(supplier: Supplier, place: str, found: Findings) -> Supplier:
    if supplier.inn is not None:
        check_inn(supplier.inn, f"{place}.inn", tag=1226, found=found, zeros=True)
    return replace(
        supplier,
        name=_fitted(supplier.name, f"{place}.name", 1225, 256, found),
        phones=phones(supplier.phones, f"{place}.phones", tag=1171, found=found),
    )


def check_supplied(
    agent: Agent | None,
    supplier: Supplier | None,
    place: str,
    *,
    receipt_agent: bool,
    found: Findings,
) -> None:
    """An agent's line says whose goods these are (1226); a supplier without an agent means nothing."""
    if agent is not None and (supplier is None or supplier.inn is None):
        found.refuse(
            f"{place}.supplier.inn",
            "supplier_missing",
            Text(
                "An agent's line names the INN of its supplier.",
                "В позиции агента указывают ИНН поставщика.",
            ),
            Text(
                "Send supplier {name, inn, phones}; inn 000000000000 says that he has none.",
                "Передайте supplier {name, inn, phones}; inn 000000000000 означает, что ИНН нет.",
            ),
            tag=1226,
        )
    elif agent is None and supplier is not None and not receipt_agent:
        found.refuse(
            f"{place}.supplier",
            "supplier_without_agent",
            Text(
                "A supplier stands only in an agent's line.",
                "Поставщика указывают только в позиции агента.",
            ),
            Text("Send agent {type} as well, or leave it out.", "Передайте и agent {type} либо уберите."),
            tag=1224,
        )


def spread(request: ReceiptRequest, ffd_version: FfdVersion) -> tuple[LineRequest, ...]:
    """The lines with what agent and supplier of the whole receipt mean for them.

    Where the document has no place for both, in FFD 1.2 and in corrections of 1.1, a line without an agent of
    its own gets them. Elsewhere it gets the supplier's name and INN, which have no other place.
    """
    extras = request.extras
    if extras is None or (extras.agent is None and extras.supplier is None):
        return request.lines
    supplier = extras.supplier
    if stands_at_the_top(request.kind, ffd_version):
        agent = None
        if supplier is not None:
            known = supplier.name is not None or supplier.inn is not None
            supplier = replace(supplier, phones=()) if known else None
    else:
        agent = extras.agent
    if agent is None and supplier is None:
        return request.lines
    return tuple(_with(line, agent, supplier) for line in request.lines)


def stands_at_the_top(kind: ReceiptKind, ffd_version: FfdVersion) -> bool:
    """Whether the document has 1057 and 1171 itself: receipts of FFD 1.05 and 1.1."""
    return ffd_version is not FfdVersion.V1_2 and kind is not ReceiptKind.CORRECTION


def check_levels(request: ReceiptRequest, ffd_version: FfdVersion, found: Findings) -> None:
    """One document names its agent at one level; a correction by totals has no place for one."""
    extras = request.extras
    if extras is None or (extras.agent is None and extras.supplier is None):
        return
    if request.kind is ReceiptKind.CORRECTION and ffd_version is FfdVersion.V1_05:
        for field, tag, given in (("agent", 1057, extras.agent), ("supplier", 1171, extras.supplier)):
            if given is not None:
                _refuse_in_correction(field, tag, found)
        return
    if extras.agent is not None and stands_at_the_top(request.kind, ffd_version):
        for index, line in enumerate(request.lines):
            if line.extras is not None and line.extras.agent is not None:
                _refuse_twice(index, found)


def _with(line: LineRequest, agent: Agent | None, supplier: Supplier | None) -> LineRequest:
    own = line.extras or LineExtras()
    if own.agent is not None:
        agent = own.agent
    return replace(line, extras=replace(own, agent=agent, supplier=own.supplier or supplier))


def _fitted(text: str | None, field: str, tag: int, limit: int, found: Findings) -> str | None:
    return None if text is None else fitting(text, field, tag=tag, limit=limit, found=found)


def _refuse_data(agent: Agent, field: str, tag: int, found: Findings) -> None:
    found.refuse(
        field,
        "agent_data",
        Text(
            f"An agent of type {agent.type.name.lower()} does not state it.",
            f"Агент вида {agent.type.name.lower()} этого не указывает.",
        ),
        Text("Leave it out, or send the right type.", "Не передавайте либо исправьте type."),
        tag=tag,
    )


def _refuse_twice(index: int, found: Findings) -> None:
    found.refuse(
        f"items.{index}.agent",
        "agent_levels",
        Text(
            "The receipt names an agent already; this FFD version takes one of the two.",
            "Агент уже указан для всего чека; в этой версии ФФД — что-то одно.",
        ),
        Text(
            "Send the agent with the lines only, or with the receipt only.",
            "Передайте агента либо в позициях, либо для всего чека.",
        ),
        tag=1222,
    )


def _refuse_in_correction(field: str, tag: int, found: Findings) -> None:
    found.refuse(
        field,
        "agent_correction",
        Text(
            "A correction of FFD 1.05 has sums only, no place for an agent.",
            "В чеке коррекции ФФД 1.05 только суммы, агента указать негде.",
        ),
        Text("Leave it out.", "Не передавайте."),
        tag=tag,
    )
