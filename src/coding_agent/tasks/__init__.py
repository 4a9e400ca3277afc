"""Tasks: what they are (`spec`), how they are read from disk (`load`)."""
