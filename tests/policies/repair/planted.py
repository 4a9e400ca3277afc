"""A development set of planted bugs: a right program, and the one span that is wrong in the broken one."""

from __future__ import annotations

import attrs


@attrs.frozen
class Planted:
    """`right` with `good` replaced by `bad` is the broken program."""

    name: str
    right: str
    good: str
    bad: str

    @property
    def broken(self) -> str:
        assert self.right.count(self.good) == 1, self.name
        return self.right.replace(self.good, self.bad)


CLAMP = "def clamp(x, low, high):\n    if x < low:\n        return low\n    if x > high:\n        return high\n    return x\n"
MEAN = "def mean(values):\n    if not values:\n        return None\n    return sum(values) / len(values)\n"
PAIRS = (
    "def pairs(items):\n    found = []\n    for i in range(len(items)):\n        for j in range(i + 1, len(items)):\n"
    "            found.append((items[i], items[j]))\n    return found\n"
)
STACK = (
    "class Stack:\n    def __init__(self, items=None):\n        self.items = list(items or [])\n        self.seen = 0\n\n"
    "    def push(self, item):\n        self.items.append(item)\n        self.seen += 1\n\n"
    "    def peek(self):\n        return self.items[-1]\n\n    def snapshot(self):\n        return self.items[:]\n"
)
WALK = (
    "def walk(tree, depth=0):\n    if tree is None:\n        return 0\n    deepest = depth\n"
    "    for child in tree['children']:\n        deepest = max(deepest, walk(child, depth + 1))\n    return deepest\n"
)
FLAT = "def flat(rows):\n    for row in rows:\n        for cell in row:\n            yield cell\n"
ORDER = "def best(scores, n):\n    ranked = sorted(scores, key=abs, reverse=True)\n    return ranked[:n]\n"
PARSE = (
    "def parse(line):\n    key, value = line.split('=', 1)\n    if not key.strip():\n        raise ValueError(line)\n"
    "    return key.strip(), value.strip()\n"
)
LOOP = (
    "def first_even(numbers):\n    total = 0\n    for number in numbers:\n        if number < 0:\n            continue\n"
    "        total += number\n        if number % 2 == 0 and total > 10:\n            break\n    return total\n"
)
FACT = "def fact(n):\n    if n <= 1:\n        return 1\n    return n * fact(n - 1)\n"
SCALE = "def scale(x, low, high):\n    return (x - low) / (high - low)\n\n\ndef half(low, high):\n    return scale(1, low, high)\n"
SHARED = (
    "def note(line, lines=None):\n    if lines is None:\n        lines = []\n    lines.append(line)\n    return lines\n"
)

PLANTED = (
    Planted("boundary", CLAMP, "x > high", "x >= high"),
    Planted("flipped comparison", CLAMP, "x < low", "x > low"),
    Planted("wrong returned variable", CLAMP, "return x", "return low"),
    Planted("negation missing", MEAN, "not values", "values"),
    Planted("guard missing", MEAN, "    if not values:\n        return None\n", ""),
    Planted("operator", MEAN, " / ", " // "),
    Planted("range starts too early", PAIRS, "range(i + 1, ", "range(i, "),
    Planted("range ends too early", PAIRS, "range(len(items))", "range(len(items) - 1)"),
    Planted("append for extend", PAIRS, ".append(", ".extend("),
    Planted("return in the loop", PAIRS, "    return found", "        return found"),
    Planted("wrong index", STACK, "[-1]", "[1]"),
    Planted("wrong attribute", STACK, "return self.items[-1]", "return self.seen[-1]"),
    Planted("copy missing", STACK, "return self.items[:]", "return self.items"),
    Planted("accumulation", STACK, "self.seen += 1", "self.seen = 1"),
    Planted("min for max", WALK, "max(", "min("),
    Planted("recursion without progress", WALK, "depth + 1", "depth"),
    Planted("identity", WALK, "is None", "is not None"),
    Planted("return for yield", FLAT, "yield cell", "return cell"),
    Planted("sort order", ORDER, ", reverse=True", ""),
    Planted("slice", ORDER, "[:n]", "[n:]"),
    Planted("call missing", PARSE, "value.strip()", "value"),
    Planted("call missing in a condition", PARSE, "split('=', 1)", "split('=')"),
    Planted("wrong exception", PARSE, "ValueError", "KeyError"),
    Planted("and for or", LOOP, " and ", " or "),
    Planted("break for continue", LOOP, "continue", "break"),
    Planted("constant", LOOP, "== 0", "== 1"),
    Planted("base case", FACT, "n <= 1", "n <= 0"),
    Planted("call without progress", FACT, "fact(n - 1)", "fact(n)"),
    Planted("argument order", SCALE, "scale(1, low, high)", "scale(1, high, low)"),
    Planted("grouping", SCALE, "(high - low)", "high - low"),
    Planted("exchanged operands", SCALE, "x - low", "low - x"),
    Planted("mutable default", SHARED, "lines=None):\n    if lines is None:\n        lines = []\n", "lines=[]):\n"),
)

CLAMP_TEST = (
    "from shapes.clamp import clamp\n\n\ndef test_it():\n    assert clamp(5, 0, 3) == 3\n    assert clamp(-1, 0, 3) == 0\n\n\n"
    "def test_inside():\n    assert clamp(2, 0, 3) == 2\n"
)
BROKEN = {
    "shapes/__init__.py": "",
    "shapes/clamp.py": CLAMP.replace("x > high", "x < high"),
    "tests/test_it.py": CLAMP_TEST,
}
