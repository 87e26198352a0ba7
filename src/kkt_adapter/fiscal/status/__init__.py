"""What people and monitoring read: status pages, health, metrics. Never writes."""
