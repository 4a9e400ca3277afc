"""Stock with reservations."""


class OutOfStock(Exception):
    """There is not enough of an article."""

    def __init__(self, article, wanted, free):
        self.article, self.wanted, self.free = article, wanted, free
        super().__init__(f"{article}: {wanted} wanted, {free} free")


class Stock:
    """Counts per article. Free is what is there and not reserved."""

    def __init__(self, counts):
        self._there = dict(counts)
        self._reserved = {}

    def free(self, article):
        return self._there.get(article, 0) - self._reserved.get(article, 0)

    def reserve(self, lines):
        """Set the lines of an order aside. Raises OutOfStock, and then nothing is reserved."""
        for line in lines:
            free = self.free(line.article)
            if line.count > free:
                raise OutOfStock(line.article, line.count, free)
            self._reserved[line.article] = self._reserved.get(line.article, 0) + line.count

    def ship(self, lines):
        """Take reserved articles off the shelves."""
        for line in lines:
            if self._reserved.get(line.article, 0) < line.count:
                raise ValueError(f"{line.article} was not reserved")
            self._reserved[line.article] -= line.count
            self._there[line.article] -= line.count
