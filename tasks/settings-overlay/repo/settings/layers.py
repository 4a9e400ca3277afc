"""Laying settings over each other."""


def overlay(base, top):
    """`base` with the values of `top`; nested dictionaries are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in top.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            below = merged[key]
            below.update(overlay(below, value))
        else:
            merged[key] = value
    return merged


class Layers:
    """Named layers, lowest first."""

    def __init__(self, **layers):
        self._layers = dict(layers)

    def settings(self, *names):
        result = {}
        for name in names:
            result = overlay(result, self._layers[name])
        return result

    def names(self):
        return list(self._layers)
