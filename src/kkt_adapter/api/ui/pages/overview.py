"""The first page: what needs attention, how every register is, and the day so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from kkt_adapter.api.ui.routing import page
from kkt_adapter.api.ui.visit import Visit
from kkt_adapter.fiscal.kkt.driver import KktState
from kkt_adapter.fiscal.status.register_cards import RegisterCard, Worry

FOR_PEOPLE = ("PRINT_UNKNOWN", "DLQ_GROWING", "DLQ_NOT_EMPTY")  # alerts that are settled under "questions"
LAG_PERIOD = timedelta(days=1)  # of the chart of delivery
FINE_SHOWN = 12  # cards of registers in order; the others are a line each, until they are asked for

KINDS = {
    Worry.BAD: "bad",
    Worry.QUESTION: "ask",
    Worry.WARN: "warn",
    Worry.FINE: "ok",
    Worry.UNKNOWN: "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """The registers as the page shows them: as cards, and the rest as names."""

    cards: Sequence[RegisterCard]
    names: Sequence[RegisterCard]
    counts: dict[str, int]
    chosen: str
    asked: str


async def overview(visit: Visit) -> Response:
    """A part that is fetched anew asks only for what it shows."""
    cards = await visit.services.watch.cards.read() if visit.part != "attention" else ()
    seen = await visit.services.watch.overview.status() if visit.part != "registers" else None
    return visit.page(
        "overview.html",
        wall=wall_of(cards, chosen=visit.query.get("group", ""), asked=visit.query.get("q", "")),
        kinds=KINDS,
        words=lambda card: word_of(visit, card),
        seen=seen,
        alerts=() if seen is None else seen.buffer.alerts,
        for_people=FOR_PEOPLE,
        zone=cards[0].zone if cards else visit.zone,
    )


async def charts(visit: Visit) -> Response:
    """Drawn apart from the cards: what they show may take a moment to be read the first time of a day."""
    watch = visit.services.watch
    today, before = await watch.sales.read(), await watch.sales.week_ago()
    zone = watch.cards.zone()
    delivered = await visit.services.lists.newest_confirmed(since=visit.now - LAG_PERIOD)
    lags = [
        (row.synced_at.astimezone(zone).strftime("%H:%M"), (row.synced_at - row.printed_at).total_seconds())
        for row in delivered
        if row.synced_at is not None and row.printed_at is not None
    ]
    hours = {
        "x": visit.t("overview.chart.hour"),
        "names": [f"{hour.hour:02d}" for hour in today.hours],
        "series": [
            {
                "name": visit.t("overview.chart.today"),
                "values": [hour.sales for hour in today.hours],
                "color": "--ink-1",
                "bars": True,
            },
            {
                "name": visit.t("overview.chart.before"),
                "values": list(before),
                "color": "--ink-2",
                "dashed": True,
            },
        ],
    }
    lag = {
        "x": visit.t("overview.chart.time"),
        "names": [at for at, _ in lags],
        "unit": visit.t("overview.chart.s"),
        "series": [
            {
                "name": visit.t("overview.chart.lag"),
                "values": [round(max(0.0, s), 3) for _, s in lags],
                "color": "--ink-1",
            }
        ],
    }
    return visit.page("charts.html", hours=hours, lag=lag, has_lags=len(lags) > 1)


def wall_of(cards: Sequence[RegisterCard], *, chosen: str, asked: str) -> Wall:
    """Worst first. Without a filter, registers in order beyond ``FINE_SHOWN`` are only named."""
    counts = {worry.name.lower(): 0 for worry in Worry}
    for card in cards:
        counts[card.worry.name.lower()] += 1
    found = [card for card in cards if _fits(card, chosen=chosen, asked=asked)]
    troubled = [card for card in found if card.worry < Worry.FINE]
    quiet = [card for card in found if card.worry >= Worry.FINE]
    shown = len(quiet) if chosen or asked else FINE_SHOWN
    return Wall(
        cards=[*troubled, *quiet[:shown]], names=quiet[shown:], counts=counts, chosen=chosen, asked=asked
    )


def _fits(card: RegisterCard, *, chosen: str, asked: str) -> bool:
    if chosen and card.worry.name.lower() != chosen:
        return False
    wanted = asked.strip().casefold()
    return not wanted or any(wanted in name.casefold() for name in (card.register_id, *card.tills))


def word_of(visit: Visit, card: RegisterCard) -> str:
    """The state of a register in two words."""
    if card.has_question:
        return visit.t("overview.state.question")
    if card.status is None:
        return visit.t("overview.state.none")
    if card.status.blocked is not None:
        return visit.t("overview.state.blocked", why=card.status.blocked)
    if card.trouble is not None and card.status.state in (KktState.READY, KktState.BUSY):
        return visit.t("overview.state.fault")
    return visit.t(f"overview.state.{card.status.state.value}")


ROUTES = (
    page("/", overview, nav="overview", shared=("attention", "registers")),
    page("/charts", charts, shared=("charts",)),
)
