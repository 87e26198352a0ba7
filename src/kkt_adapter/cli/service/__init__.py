"""``serve`` and what belongs to a running service of its own: banner, demo."""
