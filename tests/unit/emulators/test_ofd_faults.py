from kkt_adapter.emulators.ofd.book import OperatorChannel
from kkt_adapter.emulators.ofd.faults import FaultDecision, OfdFault, OfdFaultMode, OfdFaultPlan

FN, OTHER_FN = "9999078900000001", "9999078900000002"


def judge(
    *faults: OfdFault, fn: str = FN, document: int = 1, transport: OperatorChannel = OperatorChannel.TCP
) -> FaultDecision:
    plan = OfdFaultPlan()
    plan.set(faults)
    return plan.judge(transport, fn=fn, document=document)


def test_without_faults_all_is_well():
    assert judge() == FaultDecision()


def test_a_fault_is_aimed_at_a_drive_a_document_or_both():
    fault = OfdFault(mode=OfdFaultMode.CLOSE, fn=FN, document=2)
    assert judge(fault, document=2).mode is OfdFaultMode.CLOSE
    assert judge(fault, document=1).mode is OfdFaultMode.NONE
    assert judge(fault, document=2, fn=OTHER_FN).mode is OfdFaultMode.NONE


def test_a_fault_is_used_up_by_the_messages_it_acted_on():
    plan = OfdFaultPlan()
    plan.set([OfdFault(mode=OfdFaultMode.REFUSE, document=2, count=2)])
    modes = [plan.judge(OperatorChannel.TCP, fn=FN, document=n).mode for n in (1, 2, 2, 2)]
    assert modes == [OfdFaultMode.NONE, OfdFaultMode.REFUSE, OfdFaultMode.REFUSE, OfdFaultMode.NONE]


def test_delays_add_up_and_the_first_other_fault_decides():
    slow = OfdFault(mode=OfdFaultMode.SLOW, delay_s=0.5)
    decision = judge(slow, slow, OfdFault(mode=OfdFaultMode.BAD_CRC), OfdFault(mode=OfdFaultMode.CLOSE))
    assert decision == FaultDecision(mode=OfdFaultMode.BAD_CRC, delay_s=1.0)


def test_none_exempts_a_message_from_what_follows():
    faults = (OfdFault(mode=OfdFaultMode.NONE, document=5), OfdFault(mode=OfdFaultMode.REFUSE))
    assert judge(*faults, document=5).mode is OfdFaultMode.NONE
    assert judge(*faults, document=6).mode is OfdFaultMode.REFUSE


def test_a_code_acts_on_the_transport_that_has_such_codes():
    response_code, status = (
        OfdFault(mode=OfdFaultMode.CODE, code=14),
        OfdFault(mode=OfdFaultMode.CODE, code=503),
    )
    assert judge(response_code).code == 14
    assert judge(status).mode is OfdFaultMode.NONE
    assert judge(status, transport=OperatorChannel.HTTP).code == 503
    assert judge(response_code, transport=OperatorChannel.HTTP).mode is OfdFaultMode.NONE


def test_faults_of_the_binary_answer_leave_http_alone():
    assert (
        judge(OfdFault(mode=OfdFaultMode.WRONG_FN), transport=OperatorChannel.HTTP).mode is OfdFaultMode.NONE
    )


def test_down_is_about_the_listener_not_about_messages():
    plan = OfdFaultPlan()
    plan.set([OfdFault(mode=OfdFaultMode.DOWN)])
    assert plan.is_down
    assert plan.judge(OperatorChannel.TCP, fn=FN, document=1) == FaultDecision()
