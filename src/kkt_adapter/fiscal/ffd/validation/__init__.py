"""Format-logical control: every rule of FFD that a receipt must keep.

Pure. In: a till's `ReceiptRequest` and the register's profile. Out: a complete `Receipt`, or all violations
at once.
"""
