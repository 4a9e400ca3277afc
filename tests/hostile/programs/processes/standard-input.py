"""Waits for input that never comes: there is none, and it knows at once."""
if sys.stdin is not None and not sys.stdin.closed:
    try:
        if os.read(0, 1):
            escaped("input")
    except OSError:
        pass
