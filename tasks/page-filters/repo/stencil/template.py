"""Templates."""

from stencil.errors import TemplateError
from stencil.scan import Tag, scan


class Template:
    """A text with tags."""

    def __init__(self, source):
        self._parts = scan(source)
        for part in self._parts:
            if isinstance(part, Tag) and not part.body.isidentifier():
                raise TemplateError(part.line, f"{part.body!r} is not a name")

    def render(self, values):
        """The text with the values in it. Raises TemplateError for a missing name."""
        out = []
        for part in self._parts:
            if isinstance(part, Tag):
                if part.body not in values:
                    raise TemplateError(part.line, f"there is no {part.body!r}")
                out.append(str(values[part.body]))
            else:
                out.append(part.text)
        return "".join(out)
