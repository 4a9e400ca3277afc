"""`target: need need` lines."""


def parse(text):
    """Targets with what they need; what is only needed is a target without needs."""
    needs = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        target, colon, rest = line.partition(":")
        if not colon or not target.strip():
            raise ValueError(f"line {number}: expected `target: needs`")
        needs.setdefault(target.strip(), []).extend(rest.split())
    for below in list(needs.values()):
        for name in below:
            needs.setdefault(name, [])
    return needs
