"""Another program that prints on the register of a product under test."""

from functools import partial

from tests.support.product import Product
from tests.support.receipts import a_sale


async def foreign_document(shop: Product) -> int:
    """Another program sells on the same register; the number of its document."""
    lane, driver = shop.lane(), shop.driver()
    assert lane._term is not None
    registration = (await shop.unit().profile()).registration
    receipt = a_sale(key=None, additional_attribute=None, ffd_version=registration.ffd_version)
    work = partial(driver._fn.fiscalize, receipt, term=lane._term.number)
    return (await driver._lane.run(work, deadline_s=10)).fd_number
