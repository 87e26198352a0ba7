"""Format-logical control: every rule of FFD that a receipt must keep.

Pure. Out: a complete `Receipt`, or all violations at once.
"""
