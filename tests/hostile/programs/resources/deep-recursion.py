"""Recurses until the stack overflows: the process dies of it, and that is what is recorded."""
# ends: signal 11 or exit 139 or exit 134 or exit 1
# test: died or failed
# grade: died or other
sys.setrecursionlimit(10**8)

class Deep:
    def __repr__(self):
        return repr(self)

repr(Deep())
