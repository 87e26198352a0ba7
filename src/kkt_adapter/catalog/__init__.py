"""Products: read from the vendor, stored, scheduled and read back by tills. Knows nothing of receipts."""
