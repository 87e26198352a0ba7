"""Words of other fiscal interfaces, and the name we use: refused, because what nobody reads would be lost.

From the published interfaces of ATOL (driver 10 and Online), KkmServer, Komtet and YooKassa. A shop's own
field of such a name has to be renamed.
"""

from collections.abc import Mapping
from types import MappingProxyType

from kkt_adapter.kernel.errors import Text, Violation


def _table(rows: str) -> Mapping[str, str]:
    """``ours: theirs theirs ...``, one row a line."""
    found: dict[str, str] = {}
    for row in rows.strip().splitlines():
        ours, _, theirs = row.partition(":")
        found |= dict.fromkeys(theirs.split(), ours.strip())
    return MappingProxyType(found)


LINE = _table("""
agent: agent_info agentInfo agent_type agentType paying_agent AgentSign AgentData
supplier: supplier_info supplierInfo PurveyorData provider providerData
vat_rate: vat_code vatRate vatCode vatType vat_type Tax nds ndsRate
mark_code: nomenclature_code nomenclatureCode marking_code markingCode markCode GoodCodeData imcParams
mark_code: product_code productCode
excise_tax: excise exciseSum excise_sum exciseDuty ExciseAmount
country: country_code countryCode country_of_origin country_of_origin_code CountryOfOrigin originCountryCode
customs_declaration: declaration_number customs_declaration_number customsDeclaration CustomsDeclaration
line_attribute: user_data userData additional_attribute additionalAttribute AdditionalAttribute
mark_quantity: markQuantity PackageQuantity item_quantity_fraction
planned_status: plannedStatus imcEstimatedStatus itemEstimatedStatus estimated_status
industry: sectoral_item_props industryInfo industry_info
method: paymentMethod payment_mode SignMethodCalculation calculation_method
subject: paymentObject payment_subject SignCalculationObject calculation_subject
unit: measurement_unit measurementUnit measure_name MeasureOfQuantity MeasurementUnit
mark_permission: permission markPermission
""")

RECEIPT = _table("""
items: positions Lines CheckStrings
payments: Payments
type: operation TypeCheck
agent: agent_info agentInfo agent_type agentType AgentSign AgentData
supplier: supplier_info supplierInfo PurveyorData
taxation: sno tax_system taxSystem taxation_type taxationType tax_system_code TaxVariant
customer: client clientInfo client_info buyer ClientAddress ClientInfo ClientINN
additional_attribute: additional_check_props additionalAttribute AdditionalAttribute
user_attribute: additional_user_props userAttribute UserAttribute
cashless: cashless_payments cashlessPayments paymentsAddInfo
industry: sectoral_check_props industryInfo industry_info
operation_attribute: operating_check_props operationInfo operation_info
timezone: timeZone time_zone
device_number: machineNumber machine_number automat_number automatNumber
no_print: NotPrint noPrint print electronically
cashier: CashierName cashier_name operator
cashier.inn: cashier_inn CashierVATIN
correction: correction_info correctionInfo CorrectionType
correction.sums: vats taxes
place: payment_address paymentsPlace settlement_place PlaceMarket
address: paymentsAddress place_address AddressSettle
internet: isInternet InternetMode
""")

CUSTOMER = _table("""
birth_date: birthdate birthDate birthday
document_code: documentCode
document_data: documentData
inn: vatin INN
""")

CORRECTION = _table("""
date: base_date baseDate CorrectionBaseDate
number: base_number baseNumber CorrectionBaseNumber document
sums: vats taxes
""")


def refusal(field: str, ours: str) -> Violation:
    """What the client hears: nobody would read the field, and its content belongs into the document."""
    return Violation(
        field=field,
        code="foreign_name",
        message=Text(
            f"is a word of another interface; here it is {ours}",
            f"слово другого интерфейса; здесь это {ours}",
        ),
        remedy=Text(
            f"Send {ours} (docs/reference/requisites.md), or rename a field of your own.",
            f"Передайте {ours} (docs/reference/requisites.md) либо переименуйте собственное поле.",
        ),
    )
