"""What bodies and answers look like.

In: JSON of clients, and read models of the domain. Out: typed values for the domain, and the shapes of
answers with their units, which /openapi.json is made of.
"""
