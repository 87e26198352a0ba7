"""Findings of the core under the names that the client wrote."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_OF_A_LINE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "Name",
        "price": "Price",
        "quantity": "Quantity",
        "total": "Amount",
        "vat_rate": "Tax",
        "method": "SignMethodCalculation",
        "subject": "SignCalculationObject",
        "unit": "MeasureOfQuantity",
        "mark_code": "GoodCodeData.BarCode",
        "mark_quantity": "PackageQuantity",
        "country": "CountryOfOrigin",
        "customs_declaration": "CustomsDeclaration",
        "excise_tax": "ExciseAmount",
        "line_attribute": "AdditionalAttribute",
        "sku": "EAN13",
        "agent": "AgentData",
        "agent.type": "AgentSign",
        "supplier": "PurveyorData",
        "supplier.inn": "PurveyorData.PurveyorVATIN",
        "supplier.name": "PurveyorData.PurveyorName",
        "supplier.phones": "PurveyorData.PurveyorPhone",
    }
)
_OF_A_RECEIPT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "type": "TypeCheck",
        "items": "CheckStrings",
        "payments": "Cash, ElectronicPayment, AdvancePayment, Credit, CashProvision",
        "taxation": "TaxVariant",
        "cashier": "CashierName",
        "cashier.name": "CashierName",
        "cashier.inn": "CashierVATIN",
        "customer": "ClientAddress",
        "customer.name": "ClientInfo",
        "customer.inn": "ClientINN",
        "correction": "CorrectionBaseDate",
        "correction.type": "CorrectionType",
        "correction.number": "CorrectionBaseNumber",
        "correction.sums": "SumTax",
        "additional_attribute": "AdditionalAttribute",
        "user_attribute": "UserAttribute",
        "place": "PlaceMarket",
        "address": "AddressSettle",
        "no_print": "NotPrint",
        "agent": "AgentData",
        "supplier": "PurveyorData",
        "pos_id": "NumDevice",
    }
)


def own_names(places: Mapping[str, str]) -> Callable[[str], str]:
    """From canonical paths to the client's; ``places`` has its path of each line."""

    def own_name(field: str) -> str:
        steps = field.split(".")
        line = places.get(".".join(steps[:2]))
        if line is None:
            return _nearest(_OF_A_RECEIPT, steps) or field
        member = _nearest(_OF_A_LINE, steps[2:])
        return line if member is None else f"{line}.{member}"

    return own_name


def _nearest(names: Mapping[str, str], steps: list[str]) -> str | None:
    """The name of the longest path that begins the wanted one."""
    for length in range(len(steps), 0, -1):
        found = names.get(".".join(steps[:length]))
        if found is not None:
            return found
    return None
