"""The operator (OFD): bytes of its protocol, and the two ways to reach it."""
