"""Registers of real brands in the lab, through their emulators.

In: a register's place in the lab. Out: its emulator, and the faults that it can have.

    device.py    what a brand must bring
    shtrih.py    Shtrih-M             atol.py    ATOL
    brands.py    all of them by name
    probing.py   points in their drivers, for the nodes

A further brand is a module like ``shtrih.py``, an entry in ``brands.py``, and one in ``probing.py``.
"""
