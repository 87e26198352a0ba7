"""When a catalogue run starts: the daily slots, their rows and the alarm that wakes the scheduler.

Out: a start request to `sync`.
"""
