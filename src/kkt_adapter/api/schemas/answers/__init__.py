"""The shapes of all JSON answers, one module for each group of routes.

In: nothing; it is all types. Out: the shapes that `shown` fills and ``/openapi.json`` publishes.

Each is a ``TypedDict``: FastAPI makes the response schema of it, mypy checks the function that fills it, and
nothing walks over an answer at run time. ``tests/integration/api/test_answers_conform.py`` compares what is
answered with the schemas. Units are those of ``api/schemas/units.py``.
"""
