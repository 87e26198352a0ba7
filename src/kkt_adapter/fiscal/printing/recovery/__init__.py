"""Was the receipt made? The only place that decides it, from the baseline of an open attempt and what the FN
holds.

In: an open attempt, the FN's documents. Out: adopted, proven absent, or an open question for a person.
"""
