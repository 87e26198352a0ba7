"""FastAPI and the routes it serves: everything but receipts, health, metrics and pages. Loaded late."""
