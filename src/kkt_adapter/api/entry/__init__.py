"""What the edge asks of a request before a route sees it, one rule each."""
