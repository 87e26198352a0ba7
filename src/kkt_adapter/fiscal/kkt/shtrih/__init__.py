"""Registers of Shtrih-M: low-level protocols 1 and 2 over TCP and serial lines, and the driver on top.

In: calls of `KktDriver`. Out: commands to the device, and documents read from its FN.

    wire/             frames and links: a body out, a body back, or LinkDown with what is known
    requests.py       bodies of commands                 answers.py   contents of answers
    session.py        one connection: locking, waiting while it prints, errors
    device_errors.py  every error code: what it means, what we do, what a person does
    device.py         what this device can do, read once after connecting
    vat.py            rows of the table of rates         tags.py      TLV of a receipt
    receipt.py        a receipt as commands              archive.py   documents read back
    driver.py         ``KktDriver``

Source of everything: docs/reference/shtrih-m.md.
"""
