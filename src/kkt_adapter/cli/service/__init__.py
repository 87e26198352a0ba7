"""``serve`` and what belongs to a running service of its own: banner, demo.

In: options and the settings file. Out: a process that serves until it is told to stop.
"""
