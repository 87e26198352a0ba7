"""What the interface says of itself: /openapi.json and the page that shows it.

In: the application's routes, shapes and examples. Out: the OpenAPI document and its page.
"""
