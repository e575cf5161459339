"""Empty in XSOAR as well, until somebody fills it."""
