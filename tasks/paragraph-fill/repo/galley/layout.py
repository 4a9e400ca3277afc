"""Placing lines."""


def centre(line, width):
    """The line in the middle; the odd space goes to the right."""
    spare = max(0, width - len(line))
    return " " * (spare // 2) + line


def columns(rows, gap=2):
    """Rows of texts, each column as wide as its widest text."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [(" " * gap).join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
