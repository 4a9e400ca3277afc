"""What somebody asks for."""

from releases.version import Version


class Requirement:
    """`>=1.2.0 <2.0.0`: every condition must hold. Without conditions anything will do."""

    def __init__(self, text):
        self._conditions = [_condition(part) for part in text.split()]

    def allows(self, version):
        return all(holds(version) for holds in self._conditions)


def _condition(part):
    for sign in (">=", "<=", "==", ">", "<"):
        if part.startswith(sign):
            return _compare(sign, Version(part[len(sign) :]))
    return _compare("==", Version(part))


def _compare(sign, wanted):
    return {
        ">=": lambda version: version >= wanted,
        "<=": lambda version: version <= wanted,
        "==": lambda version: version == wanted,
        ">": lambda version: version > wanted,
        "<": lambda version: version < wanted,
    }[sign]
