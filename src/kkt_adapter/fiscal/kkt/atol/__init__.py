"""Registers of ATOL behind ATOL's web server ("Web Requests", web API v2): JSON tasks over HTTP.

In: calls of `KktDriver`. Out: jobs of the web server, and documents read from their results.

    values.py     numbers, times and texts of its JSON    words.py      its enumerations
    task.py       a receipt as a task                     codes.py      every driver code: what it proves
    web.py        the HTTP calls                          jobs.py       one job: sent, awaited, never doubled
    answers.py    results of jobs, all shapes             documents.py  documents read back from the FN
    snapshot.py   status put together                      facts.py      what the register is
    marking.py    checks of marking codes                 making.py     jobs that make documents
    conditions.py before and after a document             driver.py     ``KktDriver``

Source of everything: docs/reference/atol.md.
"""
