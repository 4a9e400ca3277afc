"""One pattern: fixed parts and parameters in braces."""

import re

_PARAMETER = re.compile(r"{(\w+)}")


def join(prefix, path):
    """One path out of two, with exactly one slash between them."""
    return prefix.rstrip("/") + "/" + path.lstrip("/")


class Pattern:
    """`/posts/{post}`: a parameter is a path segment that is not empty."""

    def __init__(self, text):
        self.text = text
        self.parameters = _PARAMETER.findall(text)
        if len(set(self.parameters)) != len(self.parameters):
            raise ValueError(f"{text}: a parameter stands twice")
        parts = _PARAMETER.split(text)
        fixed = [re.escape(part) for part in parts[::2]]
        body = fixed[0]
        for name, part in zip(parts[1::2], fixed[1:]):
            body += f"(?P<{name}>[^/]+)" + part
        self._regex = re.compile(body + "/?")

    def match(self, path):
        """The parameters as text, or None."""
        found = self._regex.fullmatch(path)
        return None if found is None else found.groupdict()

    def fill(self, values):
        """The path with these values. KeyError names a parameter without one."""
        return _PARAMETER.sub(lambda found: str(values[found[1]]), self.text)
