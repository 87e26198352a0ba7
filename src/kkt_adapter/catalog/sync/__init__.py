"""One catalogue run from start to finish: fetch pages, compare, store with a checkpoint, sweep what vanished,
close the run.

In: pages of a `ProductSource`. Out: product rows and a run row. A run that was killed resumes from its
checkpoint.
"""
