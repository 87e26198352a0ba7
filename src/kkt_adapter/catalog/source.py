"""The seam to whoever offers the products: pages in, no vendor words out."""

from typing import Protocol

from kkt_adapter.catalog.model import PriceWindow, ProductPage


class ProductSource(Protocol):
    """One request a call, no retries: who calls decides about patience. Safe for many calls at once.

    Raises, from every method:
        SourceUnavailable: no usable answer (SourceMalformed: an answer that is not one); try again.
        SourceThrottled: too many requests; ``retry_after_s`` as asked for.
        SourceAuthFailed: our credentials or address are refused; trying again cannot help.
        SourceRefused: the request is called wrong; trying again cannot help.

    A cancelled call gives its connection up; nothing else is left behind.
    """

    async def page(self, number: int, *, window: PriceWindow | None = None) -> ProductPage:
        """Page ``number`` (1 or more) of the whole list, or of one price window.

        A page past the end is an answer without entries.

        Raises:
            PageBeyondCeiling: the source serves no page with a number that high.
        """
        ...

    async def product(self, product_id: str) -> ProductPage:
        """The list narrowed to one product: no entry when it is not offered.

        A source that cannot narrow answers with other products; the caller must look at the ids.
        """
        ...

    async def close(self) -> None:
        """Give connections back; may be called twice."""
        ...
