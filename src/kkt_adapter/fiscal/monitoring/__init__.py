"""What is known at this moment: the snapshot of rows, the observation of devices and peers, legal clocks,
network mode.

In: rows and device answers. Out: frozen facts that alerts and status pages read.
"""
