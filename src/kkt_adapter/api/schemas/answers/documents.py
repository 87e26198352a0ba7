"""Answers about fiscal documents."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.units import FnNumber, Moment, Number


class ComparedDocument(TypedDict):
    """What the FN says."""

    same: Annotated[
        bool | None, Field(description="Whether the bytes are the same; null: the FN gives none any more.")
    ]
    tlv: Annotated[str | None, Field(description="Hex.")]
    fiscal_sign: str | None


class Document(TypedDict):
    fn_number: FnNumber
    fiscal_doc_number: Number
    code: Annotated[int, Field(description="3 receipt, 31 correction, 2 and 5 shift opening and closing ...")]
    tlv: Annotated[str, Field(description="The whole document as one element: code, length, contents; hex.")]
    document: Annotated[dict[str, Any] | None, Field(description="Its contents as operators show them.")]
    ticket: Annotated[str | None, Field(description="The operator's answer as it came; hex.")]
    source: Annotated[Literal["kept", "fn"], Field(description="From this database, or read from the FN.")]
    kept_at: Moment | None
    fn: NotRequired[ComparedDocument]
