"""Reading tables: a line of names, then a line per row, separated by commas."""


class TableError(ValueError):
    """The text is not a table."""


def rows(text):
    """(line number, fields) of each line that is not empty."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, [field.strip() for field in line.split(",")]


def read(text):
    """A dictionary per row. Raises TableError naming the line."""
    names = None
    table = []
    for number, fields in rows(text):
        if names is None:
            if len(set(fields)) != len(fields):
                raise TableError(f"line {number}: a name stands twice")
            names = fields
            continue
        if len(fields) != len(names):
            raise TableError(f"line {number}: expected {len(names)} fields, found {len(fields)}")
        table.append(dict(zip(names, fields)))
    return table
