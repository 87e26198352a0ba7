"""What to do, where several rules of the alert table say the same."""

from kkt_adapter.kernel.errors import Text

RESTORE = Text(
    "Restore the connection to the operator: /v1/health says which end point is down. Raise the capacity if "
    "the outage will last.",
    "Восстановите связь с ОФД: какой адрес не отвечает, видно в /v1/health. Если сбой надолго, увеличьте "
    "ёмкость буфера.",
)
DEAD_LETTERS = Text(
    "Look at the reasons in the dead letters, remove the cause, then retry them.",
    "Посмотрите причины в списке недоставленных, устраните их и повторите передачу.",
)
LATE = Text(
    "See in /v1/health why the operator is not reached, then deliver by hand: POST /v1/kkt/buffer/sync.",
    "Посмотрите в /v1/health, почему нет связи с ОФД, затем передайте вручную: POST /v1/kkt/buffer/sync.",
)
SLOW = Text(
    "Look at the register: paper, cover, cable; then at the load of the computer and its disk.",
    "Проверьте ККТ: бумага, крышка, кабель; затем загрузку компьютера и диска.",
)
REPLACE_FN = Text(
    "Order a new FN and plan its replacement; before it, deliver everything and close the shift.",
    "Закажите новый ФН и запланируйте замену; перед ней передайте все документы и закройте смену.",
)
