"""Routes by name."""

from waymark.pattern import Pattern, join


class NoRoute(LookupError):
    """Nothing matches the path, or nothing has the name."""


class Router:
    """The first route that matches wins."""

    def __init__(self, prefix=""):
        self._prefix = prefix
        self._routes = {}

    def add(self, name, path):
        if name in self._routes:
            raise ValueError(f"{name} is already a route")
        self._routes[name] = Pattern(path)

    def match(self, path):
        """(name, parameters). Raises NoRoute."""
        if not path.startswith(self._prefix):
            raise NoRoute(path)
        rest = path[len(self._prefix) :]
        for name, pattern in self._routes.items():
            parameters = pattern.match(rest)
            if parameters is not None:
                return name, parameters
        raise NoRoute(path)

    def link(self, name, /, **values):
        """The path of a route. Raises NoRoute."""
        if name not in self._routes:
            raise NoRoute(name)
        return join(self._routes[name].fill(values), self._prefix)
