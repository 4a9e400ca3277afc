"""Writing tables."""


def write(table):
    """The text of a table; fields with commas are refused."""
    if not table:
        return ""
    names = list(table[0])
    lines = [",".join(names)]
    for row in table:
        fields = [str(row[name]) for name in names]
        if any("," in field for field in fields):
            raise ValueError("a field holds a comma")
        lines.append(",".join(fields))
    return "\n".join(lines) + "\n"
