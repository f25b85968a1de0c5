"""Studies: a journal, the question it records, a searcher, and who answers for a point.

fold        what has happened, from the journal's events
loop        stop? propose, record, evaluate, record
evaluate    the cache in front of a backend
changes     when two questions are the same one
assemble    from a campaign's file to its question and live objects
question    from a journal to its question
"""
