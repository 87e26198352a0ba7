"""``doctor``: what it asks of settings, files, devices and peers, and how findings are shown."""
