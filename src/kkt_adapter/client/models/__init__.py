"""Shapes of JSON. In: nothing. Out: types. Generated."""
