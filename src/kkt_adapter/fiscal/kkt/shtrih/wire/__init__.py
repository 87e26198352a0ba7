"""Frames and links: protocol 1 and 2 over TCP or a serial port.

In: the body of a command. Out: the body of its answer, or `LinkDown` with what is known.
"""
