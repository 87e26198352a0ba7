"""What tills and managers read: lists, one product, the change feed, the export. Never writes."""
