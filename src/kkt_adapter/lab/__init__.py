"""The fault lab: the real product, real processes, and faults by seed, until three books must agree."""
