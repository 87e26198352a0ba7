"""The commands of one receipt in their order, up to the one that makes the document and with it.

Before FF45 (FF4A) nothing is fiscalised whatever happens. ``on_close`` is told right before its first byte
goes out: from then on only the FN knows.
"""

from collections.abc import Callable

import structlog

from kkt_adapter.fiscal.ffd.receipt_key import RECEIPT_KEY_NAME
from kkt_adapter.fiscal.ffd.tlv import decode
from kkt_adapter.fiscal.kkt.receipt_keys import key_in_elements
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.answers import Answer, MadeDocument, MarkCheck, number_behind_operator
from kkt_adapter.fiscal.kkt.shtrih.device import NO_PRINT_DESKTOP, KnownDevice
from kkt_adapter.fiscal.kkt.shtrih.device_errors import ShtrihReaction, error_of, shown
from kkt_adapter.fiscal.kkt.shtrih.receipt import CorrectionPlan, MarkedCode, PlannedLine, ReceiptPlan
from kkt_adapter.fiscal.kkt.shtrih.requests import with_password
from kkt_adapter.fiscal.kkt.shtrih.session import DeviceRefusal, Session
from kkt_adapter.fiscal.kkt.shtrih.tags import (
    ADDITIONAL_ATTRIBUTE,
    USER_ATTRIBUTE,
    attribute_tags,
    user_attribute,
)
from kkt_adapter.fiscal.kkt.shtrih.troubles import may_be_made, nothing_made
from kkt_adapter.fiscal.model import Receipt, UserAttribute
from kkt_adapter.kernel.errors import KktRefused

MARKING_OUT_OF_ORDER = 0xA1
NEXT_DOCUMENT = b"\1"  # of "do not print"


class Steps:
    """One receipt. ``password`` is the operator's: one and the same for the whole receipt."""

    def __init__(
        self,
        session: Session,
        *,
        device: KnownDevice,
        password: int,
        admin: int,
        on_close: Callable[[], None],
    ) -> None:
        self._session = session
        self._device = device
        self._password = password
        self._admin = admin
        self._on_close = on_close
        self.key: str | None = None  # the receipt key, as far as the device took it
        self._log = structlog.get_logger("shtrih")

    async def prepare(self, receipt: Receipt, plan: ReceiptPlan | CorrectionPlan) -> None:
        """Everything before the closing command. Raises as ``nothing_made``."""
        with nothing_made():
            if isinstance(plan, CorrectionPlan):
                await self._session.data(with_password(requests.BEGIN_CORRECTION, self._password))
            else:
                for line in plan.lines:
                    if line.mark is not None:
                        await self._check(line.mark)
                if receipt.extras is not None and receipt.extras.no_print:
                    await self._skip_printing()
                await self._session.data(requests.open_receipt(self._password, plan.kind))
            for tag in plan.tags:
                await self._tag(tag)
            await self._attributes(receipt)
            if isinstance(plan, ReceiptPlan):
                for line in plan.lines:
                    await self._line(line)
                await self._compare(plan)

    async def close(self, plan: ReceiptPlan | CorrectionPlan) -> MadeDocument:
        """The one command that makes the document; never given twice. Raises as ``may_be_made``."""
        if isinstance(plan, CorrectionPlan):
            body, read = plan.body(self._password), MadeDocument.numbered
        else:
            body, read = self._closing(plan), MadeDocument.closed_receipt
        self._on_close()
        with may_be_made():
            return read(await self._session.data(body))

    def _closing(self, plan: ReceiptPlan) -> bytes:
        return requests.close_receipt(
            self._password, plan.payments, rounding_kop=plan.rounding_kop, taxation=plan.taxation
        )

    async def _skip_printing(self) -> None:
        """A wish: desktop devices leave the next document unprinted; what the others refuse is printed."""
        table, field = self._device.no_print_field
        if (table, field) == NO_PRINT_DESKTOP:
            await self._session.ask(requests.write_table(self._admin, table, 1, field, NEXT_DOCUMENT))

    async def _tag(self, tlv: bytes) -> None:
        """A tag of the receipt; a long one goes through the device's buffer."""
        if len(tlv) <= requests.MAX_TLV:
            await self._session.data(requests.tag(self._password, tlv))
            return
        for number, at in enumerate(range(0, len(tlv), requests.DATA_BLOCK)):
            block = tlv[at : at + requests.DATA_BLOCK]
            await self._session.data(requests.load_data(self._password, number, block))
        await self._session.data(with_password(requests.TAG_FROM_BUFFER, self._password))

    async def _attributes(self, receipt: Receipt) -> None:
        """1192 and 1084. Old firmware refuses them: our own key then moves to 1084, or is left out, and the
        receipt is found again by its sums alone."""
        for tlv in attribute_tags(receipt):
            number = int.from_bytes(tlv[:2], "little")
            answer = await self._try_tag(tlv)
            if not answer.error:
                self.key = self.key or key_in_elements(decode(tlv))
                continue
            if receipt.key is None or not _is_our_key(receipt, number):
                raise DeviceRefusal(answer)
            if number == ADDITIONAL_ATTRIBUTE and receipt.user_attribute is None:
                pair = UserAttribute(name=RECEIPT_KEY_NAME, value=receipt.key)
                answer = await self._try_tag(user_attribute(pair))
                self.key = None if answer.error else receipt.key
            if answer.error:
                self._log.warning("receipt_key_refused", tag=number, error=shown(answer.error).en)

    async def _try_tag(self, tlv: bytes) -> Answer:
        answer = await self._session.ask(requests.tag(self._password, tlv))
        if answer.error and error_of(answer.error).reaction not in (
            ShtrihReaction.REFUSE,
            ShtrihReaction.SERVICE,
        ):
            raise DeviceRefusal(answer)
        return answer

    async def _line(self, line: PlannedLine) -> None:
        first = self._device.tags_before_operation
        if first:
            await self._line_tags(line)
        await self._session.data(line.operation.body(self._password))
        if not first:
            await self._line_tags(line)

    async def _line_tags(self, line: PlannedLine) -> None:
        for tlv in line.tags:
            await self._session.data(requests.item_tag(self._password, tlv))
        if line.mark is not None:
            await self._session.data(
                requests.bind_mark(self._password, line.mark.code, wholesale=line.mark.wholesale)
            )

    async def _check(self, mark: MarkedCode) -> None:
        """FF61, and FF69 after each: refused when FN or server says that the code must not be sold.

        Raises:
            KktRefused: it must not be sold.
        """
        asked = requests.check_mark(self._password, status=mark.status, mark=mark.code, tlv=mark.tlv)
        answer = await self._session.ask(asked)
        if answer.error == MARKING_OUT_OF_ORDER:  # an earlier check was cut off before its FF69
            await self._session.ask(requests.accept_mark(self._password, accept=False))
            answer = await self._session.ask(asked)
        if answer.error:
            raise DeviceRefusal(answer)
        found = MarkCheck.read(answer.data)
        accept = not is_refused(found)
        await self._session.data(requests.accept_mark(self._password, accept=accept))
        if not accept:
            raise KktRefused(
                f"The marking code must not be sold: checks gave {found.checked} (2106).",
                f"Товар с этим кодом маркировки продавать нельзя: результат проверки {found.checked} (2106).",
                device_code=0xD4,
            )

    async def _compare(self, plan: ReceiptPlan) -> None:
        """The register's own sum must be ours before the receipt is closed."""
        subtotal = await self._session.data(with_password(requests.SUBTOTAL, self._password))
        sum_kop = number_behind_operator(subtotal, 5)
        if sum_kop != plan.subtotal_kop:
            raise KktRefused(
                f"The register has counted {sum_kop} kopecks, and the lines make {plan.subtotal_kop}.",
                f"ККТ насчитала {sum_kop} коп., а позиции дают {plan.subtotal_kop} коп.",
                device_code=0x33,
            )


def is_refused(found: MarkCheck) -> bool:
    """A check that was made and came out negative: by the FN (bits 1, 2 of 2106), by the server (4, 8).

    What nobody could check is sold: the bits of 2106 say so in the document."""
    bits = found.checked or 0
    by_fn = bits & 3 == 1
    by_server = bits & 12 == 4
    return by_server or (by_fn and found.fn_reason == 0)


def _is_our_key(receipt: Receipt, tag: int) -> bool:
    if tag == ADDITIONAL_ATTRIBUTE:
        return receipt.additional_attribute == receipt.key
    pair = receipt.user_attribute
    return tag == USER_ATTRIBUTE and pair is not None and pair.name == RECEIPT_KEY_NAME
