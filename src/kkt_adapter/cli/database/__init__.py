"""Commands that work on the database itself: copies, identity, clock."""
