"""Every error the product raises, as one tree.

A class says three things: a stable upper-case ``code`` (the wire carries it), whether trying again can
help (``retry``), and texts for people in English and Russian. ``facts`` are extra members that the HTTP
error body and the log carry as they are.

    AdapterError
      InvalidInput        ReceiptInvalid, IdempotencyKeyRequired, SettingsInvalid
      Conflict            IdempotencyConflict, IdempotencyInProgress, RefundBlocked, OutcomeUndecided,
                          ShiftExpired, SyncInProgress, IllegalTransition, SyncAlreadyRunning, NotRunning,
                          ResyncNeeded
      NotFound            ReceiptNotFound, RegisterNotFound, DeadLetterNotFound, ProductNotFound,
                          RunNotFound, JobNotFound
      AccessDenied        NotAuthenticated, NotAllowed
      Unavailable         BufferFull, KktBlocked, Maintenance, Overloaded, RateLimited, StorageError
      KktError            KktUnavailable (FnDamaged), KktRefused, KktOutcomeUnknown, KktProtocolError
      OfdError            OfdUnavailable, OfdRejected, OfdProtocolError
      CatalogError        SourceNotConfigured, SourceUnavailable, SourceMalformed, SourceThrottled,
                          SourceAuthFailed, SourceRefused, PageBeyondCeiling
      LeaseLost
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple


class Text(NamedTuple):
    """A sentence for people, in both languages of the product."""

    en: str
    ru: str


class Retry(StrEnum):
    """Whether the same call can succeed later."""

    NEVER = "never"
    LATER = "later"
    UNKNOWN = "unknown"  # it may already have had its effect: ask before trying again


class AdapterError(Exception):
    """Base of the tree; ``detail`` says what is wrong and what to do about it."""

    code: ClassVar[str] = "INTERNAL"
    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, en: str = "", ru: str = "", **facts: Any) -> None:
        super().__init__(en)
        self.detail = Text(en, ru or en)
        self.facts: dict[str, Any] = facts


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding of the format-logical control (ФЛК) or of request validation.

    ``field`` is a path in the request (``items.0.price``), ``tag`` the FFD tag it would break, if any.
    """

    field: str
    code: str  # lower_snake, stable
    message: Text
    remedy: Text | None = None
    tag: int | None = None


class InvalidInput(AdapterError):
    code = "VALIDATION_ERROR"


class ReceiptInvalid(InvalidInput):
    """The receipt breaks one or more rules; nothing was stored."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        first = violations[0].message
        more = len(violations) - 1
        super().__init__(
            first.en + (f" (and {more} more)" if more else ""),
            first.ru + (f" (и ещё {more})" if more else ""),
        )
        self.violations = violations


class IdempotencyKeyRequired(InvalidInput):
    code = "IDEMPOTENCY_KEY_REQUIRED"


class SettingsInvalid(InvalidInput):
    """A setting stops the start; the text names it, its value and the allowed range."""


class Conflict(AdapterError):
    code = "CONFLICT"


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"


class IdempotencyInProgress(Conflict):
    code = "IDEMPOTENCY_IN_PROGRESS"
    retry = Retry.LATER


class RefundBlocked(Conflict):
    code = "REFUND_BLOCKED"
    retry = Retry.LATER


class OutcomeUndecided(Conflict):
    """A person must decide first what became of a document."""

    code = "KKT_OUTCOME_UNKNOWN"


class ShiftExpired(Conflict):
    code = "SHIFT_EXPIRED"


class SyncInProgress(Conflict):
    code = "SYNC_IN_PROGRESS"
    retry = Retry.LATER


class IllegalTransition(Conflict):
    """A row was asked for a move that ``lifecycle.py`` does not allow."""


class SyncAlreadyRunning(Conflict):
    """A full catalogue run is queued, running or interrupted; ``run_id`` says which."""

    code = "SYNC_ALREADY_RUNNING"
    retry = Retry.LATER

    def __init__(self, en: str, ru: str = "", *, run_id: str, **facts: Any) -> None:
        super().__init__(en, ru, run_id=run_id, **facts)
        self.run_id = run_id


class NotRunning(Conflict):
    """The catalogue run has ended, or its cancellation was asked for already."""

    code = "NOT_RUNNING"


class ResyncNeeded(Conflict):
    """The change feed cannot start there: take a fresh export. HTTP 410."""

    code = "RESYNC_NEEDED"


class NotFound(AdapterError):
    code = "NOT_FOUND"


class ReceiptNotFound(NotFound):
    pass


class RegisterNotFound(NotFound):
    pass


class DocumentNotFound(NotFound):
    pass


class DeadLetterNotFound(NotFound):
    pass


class ProductNotFound(NotFound):
    pass


class RunNotFound(NotFound):
    pass


class JobNotFound(NotFound):
    pass


class AccessDenied(AdapterError):
    code = "FORBIDDEN"


class NotAuthenticated(AccessDenied):
    code = "UNAUTHORIZED"


class NotAllowed(AccessDenied):
    code = "FORBIDDEN"


class Unavailable(AdapterError):
    retry = Retry.LATER


class BufferFull(Unavailable):
    code = "BUFFER_FULL"


class KktBlocked(Unavailable):
    """The register cannot fiscalise; ``facts['reason']`` is one of ``fiscal.blocked.BlockReason``."""

    code = "KKT_BLOCKED"


class Maintenance(Unavailable):
    code = "MAINTENANCE"


class Overloaded(Unavailable):
    code = "OVERLOADED"


class RateLimited(Unavailable):
    """Too many tries by one caller; ``facts['retry_after']`` is the wait in whole seconds."""

    code = "RATE_LIMITED"


class StorageError(Unavailable):
    code = "STORAGE_ERROR"


class DatabaseHeld(StorageError):
    """Another process held the database file for longer than a write waits; nothing was written."""


class KktError(AdapterError):
    code = "KKT_ERROR"


class KktUnavailable(KktError):
    """Nothing was sent, or the device said "not now" (paper, cover, link): safe to try again later."""

    code = "KKT_UNAVAILABLE"
    retry = Retry.LATER


class FnDamaged(KktUnavailable):
    """The FN cannot be read or is gone: a person must look. ``facts['reason']`` is FN_DAMAGED."""

    code = "KKT_BLOCKED"


class KktRefused(KktError):
    """The device answered with an error; nothing was fiscalised. ``device_code`` is its own number."""

    code = "KKT_REFUSED"

    def __init__(self, en: str, ru: str = "", *, device_code: int, **facts: Any) -> None:
        super().__init__(en, ru, device_code=device_code, **facts)
        self.device_code = device_code


class KktOutcomeUnknown(KktError):
    """Sent, but no answer in time: the document may exist. Ask the FN before anything else."""

    code = "KKT_OUTCOME_UNKNOWN"
    retry = Retry.UNKNOWN


class KktProtocolError(KktError):
    """The device's answer could not be understood; treated like an unknown outcome after a print command."""

    code = "KKT_PROTOCOL_ERROR"
    retry = Retry.UNKNOWN


class OfdError(AdapterError):
    code = "OFD_ERROR"


class OfdUnavailable(OfdError):
    """Channel failure: time-out, connection, 5xx, 401, 403, 408, 425, 429. Counts for the breaker.

    ``error_code`` is a short label from a closed set (``timeout``, ``connection``, ``http_503`` ...);
    ``retry_after_s`` is what the server asked for, if it did.
    """

    code = "OFD_UNAVAILABLE"
    retry = Retry.LATER

    def __init__(
        self, en: str, ru: str = "", *, error_code: str, retry_after_s: float | None = None, **facts: Any
    ) -> None:
        super().__init__(en, ru, error_code=error_code, **facts)
        self.error_code = error_code
        self.retry_after_s = retry_after_s


class OfdRejected(OfdError):
    """The operator is alive and refuses this document. Not a breaker failure."""

    code = "OFD_REJECTED"

    def __init__(self, en: str, ru: str = "", *, error_code: str, **facts: Any) -> None:
        super().__init__(en, ru, error_code=error_code, **facts)
        self.error_code = error_code


class OfdProtocolError(OfdUnavailable):
    """The answer is not one (bad CRC, cut, wrong FN or number, not JSON). A channel failure."""

    code = "OFD_PROTOCOL_ERROR"


class CatalogError(AdapterError):
    """The product catalogue's source."""

    code = "SOURCE_UNAVAILABLE"


class SourceNotConfigured(CatalogError):
    """No credentials are set: the catalogue answers, a sync is refused."""

    code = "SOURCE_NOT_CONFIGURED"


class SourceUnavailable(CatalogError):
    """No usable answer: time-out, connection, 5xx. ``error_code`` is a short label (``http_503``)."""

    code = "SOURCE_UNAVAILABLE"
    retry = Retry.LATER

    def __init__(self, en: str, ru: str = "", *, error_code: str, **facts: Any) -> None:
        super().__init__(en, ru, error_code=error_code, **facts)
        self.error_code = error_code


class SourceMalformed(SourceUnavailable):
    """Not an answer: cut JSON, HTML, no list of products, a short page. Treated like a broken line."""


class SourceThrottled(CatalogError):
    """Too many requests; ``retry_after_s`` is what the source asked for, None when it did not say."""

    code = "SOURCE_THROTTLED"
    retry = Retry.LATER

    def __init__(self, en: str, ru: str = "", *, retry_after_s: float | None = None, **facts: Any) -> None:
        super().__init__(en, ru, **facts)
        self.retry_after_s = retry_after_s


class SourceAuthFailed(CatalogError):
    """The source refuses our credentials or address; the text names the setting. Ends a run at once."""

    code = "SOURCE_AUTH_FAILED"


class SourceRefused(CatalogError):
    """The source calls our request wrong (4xx): trying again cannot help."""


class PageBeyondCeiling(SourceRefused):
    """The source serves no page with a number that high."""


class LeaseLost(AdapterError):
    """Our term is over: somebody else may hold the lane. Write nothing more."""

    code = "LEASE_LOST"
    retry = Retry.LATER
