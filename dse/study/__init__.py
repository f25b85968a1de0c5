"""A study: a journal, the question that it records, and what has happened since."""
