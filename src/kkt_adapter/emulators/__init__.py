"""Stand-ins for the world around the adapter; they ship with it, for tests, demonstrations and training.

In: the protocol of the thing that is emulated, and faults on request. Out: its answers, and what it has seen.
"""
