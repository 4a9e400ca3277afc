"""Filling paragraphs."""


def pieces(word, width):
    """A word, cut into parts that fit."""
    return [word[start : start + width] for start in range(0, len(word), width)]


def fill(text, width):
    """The words of `text` on lines of at most `width` characters."""
    if width < 1:
        raise ValueError("a line needs at least one character")
    lines = []
    line, length = [], 0
    for word in text.split():
        if line and length + len(word) > width:
            lines.append(" ".join(line))
            line, length = [], 0
        line.append(word)
        length += len(word) + 2
    if line:
        lines.append(" ".join(line))
    return lines
