"""These are programs, not tests: they import each other by plain names and must not be collected."""

collect_ignore_glob = ["*.py"]
