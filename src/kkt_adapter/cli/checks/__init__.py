"""``doctor``: what it asks of settings, files, devices and peers, and how findings are shown.

In: settings and the state of this machine. Out: findings with what to do, and an exit code.
"""
