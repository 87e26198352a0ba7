"""Examples of bodies and answers for the documentation, by subject. Every value in them is made up.

In: nothing; it is all data. Out: an example for each operation of ``/openapi.json``.
"""
