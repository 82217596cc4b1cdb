"""Differences that are the backend's, each with its reason: what is not in here fails the run.

A row: backend, format (`*` for all), span or trace, fact, what is seen, why. A row that no longer
fits anything fails the run, too: the backend has learnt something.
"""

from fnmatch import fnmatchcase

KNOWN = []


def reason(run, name, fact, seen):
    """The row that explains a difference."""
    for row in KNOWN:
        backend, form, span, known_fact, known_seen, _ = row
        if (
            backend == run.backend
            and form in ("*", run.format)
            and fnmatchcase(name, span)
            and known_fact == fact
            and (known_seen is ANY or known_seen == seen)
        ):
            return row
    return None


ANY = object()
