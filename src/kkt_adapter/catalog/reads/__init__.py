"""What tills and managers read: lists, one product, the change feed, the export. Never writes.

In: a question of a till or a manager. Out: frozen read models from one consistent look.
"""
