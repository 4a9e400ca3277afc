"""Pure functions of a log's events: what was said, what was trained on, what was changed, what it was worth."""
