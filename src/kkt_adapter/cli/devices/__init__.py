"""Commands about registers and their shifts."""
