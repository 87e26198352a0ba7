from kkt_adapter.emulators.ofd.book import Transport
from kkt_adapter.emulators.ofd.faults import Fault, FaultDecision, FaultMode, FaultPlan

FN, OTHER_FN = "9999078900000001", "9999078900000002"


def judge(
    *faults: Fault, fn: str = FN, document: int = 1, transport: Transport = Transport.TCP
) -> FaultDecision:
    plan = FaultPlan()
    plan.set(faults)
    return plan.judge(transport, fn=fn, document=document)


def test_without_faults_all_is_well():
    assert judge() == FaultDecision()


def test_a_fault_is_aimed_at_a_drive_a_document_or_both():
    fault = Fault(mode=FaultMode.CLOSE, fn=FN, document=2)
    assert judge(fault, document=2).mode is FaultMode.CLOSE
    assert judge(fault, document=1).mode is FaultMode.NONE
    assert judge(fault, document=2, fn=OTHER_FN).mode is FaultMode.NONE


def test_a_fault_is_used_up_by_the_messages_it_acted_on():
    plan = FaultPlan()
    plan.set([Fault(mode=FaultMode.REFUSE, document=2, count=2)])
    modes = [plan.judge(Transport.TCP, fn=FN, document=n).mode for n in (1, 2, 2, 2)]
    assert modes == [FaultMode.NONE, FaultMode.REFUSE, FaultMode.REFUSE, FaultMode.NONE]


def test_delays_add_up_and_the_first_other_fault_decides():
    slow = Fault(mode=FaultMode.SLOW, delay_s=0.5)
    decision = judge(slow, slow, Fault(mode=FaultMode.BAD_CRC), Fault(mode=FaultMode.CLOSE))
    assert decision == FaultDecision(mode=FaultMode.BAD_CRC, delay_s=1.0)


def test_none_exempts_a_message_from_what_follows():
    faults = (Fault(mode=FaultMode.NONE, document=5), Fault(mode=FaultMode.REFUSE))
    assert judge(*faults, document=5).mode is FaultMode.NONE
    assert judge(*faults, document=6).mode is FaultMode.REFUSE


def test_a_code_acts_on_the_transport_that_has_such_codes():
    response_code, status = Fault(mode=FaultMode.CODE, code=14), Fault(mode=FaultMode.CODE, code=503)
    assert judge(response_code).code == 14
    assert judge(status).mode is FaultMode.NONE
    assert judge(status, transport=Transport.HTTP).code == 503
    assert judge(response_code, transport=Transport.HTTP).mode is FaultMode.NONE


def test_faults_of_the_binary_answer_leave_http_alone():
    assert judge(Fault(mode=FaultMode.WRONG_FN), transport=Transport.HTTP).mode is FaultMode.NONE


def test_down_is_about_the_listener_not_about_messages():
    plan = FaultPlan()
    plan.set([Fault(mode=FaultMode.DOWN)])
    assert plan.is_down
    assert plan.judge(Transport.TCP, fn=FN, document=1) == FaultDecision()
