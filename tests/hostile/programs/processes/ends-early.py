"""Ends the whole process with status 0 in the middle of everything: that is no success."""
# test: died or missing
# grade: died
os._exit(0)
