"""Pure rules and values: standard library only, no I/O.

In: values. Out: values, or errors with a text in both languages.
"""
