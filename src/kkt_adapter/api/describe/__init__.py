"""What the interface says of itself: /openapi.json and the page that shows it."""
