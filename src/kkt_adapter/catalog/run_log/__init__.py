"""The log of one catalogue run: its lines in the database and in a file, with secrets taken out."""
