"""When a catalogue run starts: the daily slots, their rows and the alarm that wakes the scheduler.

In: the daily time and the clock. Out: a start request to `sync`.
"""
