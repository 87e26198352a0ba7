"""Shapes of bodies and answers, as they stand in JSON. Generated."""
