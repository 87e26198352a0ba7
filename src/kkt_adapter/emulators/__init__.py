"""Stand-ins for the world around the adapter; they ship with it, for tests, demonstrations and training."""
