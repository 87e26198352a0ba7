"""Examples of bodies and answers for the documentation, by subject. Every value in them is made up."""
