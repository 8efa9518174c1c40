"""APPS+: Python programming problems with unit tests, each run, checked, repaired or rejected with a reason."""
