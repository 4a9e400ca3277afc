"""Reading nested settings by dotted names."""

MISSING = object()


def lookup(settings, name, default=MISSING):
    """The value of `a.b.c`. KeyError names the part that is missing."""
    value = settings
    seen = []
    for part in name.split("."):
        seen.append(part)
        if not isinstance(value, dict) or part not in value:
            if default is MISSING:
                raise KeyError(".".join(seen))
            return default
        value = value[part]
    return value
