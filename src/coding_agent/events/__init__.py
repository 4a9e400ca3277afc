"""Events: what they are (`schema`, `values`), how they are written (`codec`, `line`), which may follow which (`log`).

Pure: no file, clock, socket or randomness is reachable from here.
"""
