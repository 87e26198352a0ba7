"""The log of one catalogue run: its lines in the database and in a file, with secrets taken out.

In: what a run reports. Out: lines in the database and in a file of the run.
"""
