"""What goes wrong in a template."""


class TemplateError(ValueError):
    """Names the line of the tag."""

    def __init__(self, line, message):
        self.line = line
        super().__init__(f"line {line}: {message}")
