"""The kinds of values in answers, each with its unit: what /openapi.json says of a member beside its name."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from kkt_adapter.kernel.money import rubles


def _schema(kind: str, description: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, "description": description} | more)


def words(*known: str) -> WithJsonSchema:
    """A text that is one of these."""
    only = {"const": known[0]} if len(known) == 1 else {"enum": list(known)}
    return WithJsonSchema({"type": "string"} | only)


def money(kop: int) -> Decimal:
    """Kopecks as rubles with two decimals."""
    return Decimal(rubles(kop))


Rubles = Annotated[
    Decimal, _schema("number", "Rubles with two decimals; read it as a decimal, not as a binary float.")
]
Euros = Annotated[str, _schema("string", "Euros as text with two decimals.", pattern=r"^\d+\.\d{2}$")]
Moment = Annotated[str, _schema("string", "RFC 3339, UTC with Z.", format="date-time")]
WallTime = Annotated[
    str,
    _schema(
        "string",
        "The register's wall clock, without a zone, as it stands on the slip.",
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$",
    ),
]
Day = Annotated[str, _schema("string", "A calendar day.", format="date")]
Count = Annotated[int, Field(ge=0)]
Number = Annotated[int, Field(ge=0, description="A serial number; 0: none yet.")]
Seconds = Annotated[float, Field(description="Seconds.")]
Hours = Annotated[float, Field(description="Hours.")]
Percent = Annotated[float, Field(description="Percent; over 100 when the limit was lowered below the fill.")]
ReceiptId = Annotated[str, Field(description="Id of the receipt, a UUID.")]
TillId = Annotated[str, Field(description="The till (pos_id).")]
RegisterId = Annotated[str, Field(description="The register, as it is configured.")]
FnNumber = Annotated[str, Field(description="Number of the FN, 16 digits.")]
FiscalSign = Annotated[str, Field(description="FPD of the document, decimal digits (tag 1077).")]
FiscalDocId = Annotated[str, Field(description="FN number, a dash, number of the document.")]
ForPeople = Annotated[
    str, Field(description="For people: Russian, or English where Accept-Language ranks it first.")
]
Russian = Annotated[str, Field(description="For people, in Russian.")]
English = Annotated[str, Field(description="For people, in English.")]
Said = Annotated[str, Field(description="For people, in the language of Accept-Language.")]
NextCursor = Annotated[str | None, Field(description="Leads to the next page; null on the last one.")]
