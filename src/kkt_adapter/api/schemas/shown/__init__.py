"""From the read models of the domain to the published names of the answers.

In: read models of `fiscal` and `catalog`. Out: answers as JSON values.

One function an answer, named ``*_answer``; it reads a frozen model and gives the shape that
``schemas/answers`` declares. The order of the members is the order in which clients see them.
"""
