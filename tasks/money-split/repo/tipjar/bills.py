"""What was consumed."""

from dataclasses import dataclass, field


@dataclass
class Bill:
    """Items with their price in cents, and a tip in percent."""

    items: dict = field(default_factory=dict)
    tip_percent: int = 0

    def add(self, name, cents, count=1):
        if cents < 0:
            raise ValueError(f"{name}: a price can not be negative")
        self.items[name] = self.items.get(name, 0) + cents * count


def total(bill):
    """The bill with its tip, rounded half up to a cent."""
    net = sum(bill.items.values())
    return net + (net * bill.tip_percent + 50) // 100
