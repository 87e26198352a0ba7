"""How fast the product is: ratios taken side by side in one run, and counts.

``python -m bench`` runs everything, writes one JSON file into ``bench/results`` and prints one table.
What the rows mean and how to read them: docs/reference/performance.md.
"""
