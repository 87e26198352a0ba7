"""Our own operations, one module for each subject.

In: a request whose sender is known. Out: one call of a service and its answer in the shape of ``schemas``.
"""
