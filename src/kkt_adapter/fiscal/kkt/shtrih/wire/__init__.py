"""Frames and links: protocol 1 and 2 over TCP or a serial port."""
