"""The clock: body, answer, and examples of both."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from kkt_adapter.api.schemas.requests import ReasonBody
from kkt_adapter.api.schemas.units import Moment

Json = dict[str, Any]


class ClockBody(ReasonBody):
    """Why the clock is known to be right."""


WitnessName = Literal["register", "operator", "server", "person"]


class ClockWitness(TypedDict):
    witness: WitnessName
    apart_s: Annotated[float, Field(description="Seconds its clock is ahead of the host's.")]


class ClockReport(TypedDict):
    believed: Annotated[bool, Field(description="False: nothing is deleted, and no catalogue slot is run.")]
    reason: Annotated[str | None, Field(description="Why it is not believed.")]
    reason_ru: str | None
    now: Annotated[Moment, Field(description="What the host's clock shows.")]
    believed_at: Annotated[Moment | None, Field(description="When it was last believed; every ten minutes.")]
    right_since: Annotated[
        Moment | None,
        Field(description="When it was set right last; rows of before may be younger than they look."),
    ]
    confirmed_at: Annotated[Moment | None, Field(description="When a person confirmed it last.")]
    witnesses: list[ClockWitness]


BODY: Final[Json] = {"reason": "Сверено с часами администратора"}
REPORT: Final[Json] = {
    "believed": True,
    "reason": None,
    "reason_ru": None,
    "now": "2026-03-14T09:00:00.120Z",
    "believed_at": "2026-03-14T08:55:00.000Z",
    "right_since": None,
    "confirmed_at": None,
    "witnesses": [{"witness": "operator", "apart_s": -0.4}],
}
