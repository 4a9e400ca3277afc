"""Orders as people write them."""

from typing import NamedTuple


class Line(NamedTuple):
    """So many of one article."""

    article: str
    count: int


def parse_order(text):
    """Lines such as `3 x bolt`; the same article may come twice."""
    lines = []
    for number, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        count, cross, article = row.strip().partition(" x ")
        if not cross or not count.isdigit() or int(count) == 0:
            raise ValueError(f"line {number}: expected `COUNT x ARTICLE`, found {row!r}")
        lines.append(Line(article.strip(), int(count)))
    return lines
