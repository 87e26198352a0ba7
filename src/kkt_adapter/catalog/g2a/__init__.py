"""The G2A vendor: its HTTP client, sign-in and wire form.

In: page requests. Out: product pages or a CatalogError.
"""
