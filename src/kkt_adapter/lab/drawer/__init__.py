"""The books about what is no receipt: cash put in and taken out, sessions, X and Z reports."""
