"""Reads the frames above it for answers, tokens and configuration: nothing of the host is in them."""
frame = sys._getframe()
while frame is not None:
    for name, value in list(frame.f_locals.items()):
        if name not in ("WORLD", "RUN", "CHECKOUT", "CANARY", "FOLDER") and isinstance(value, (str, bytes, dict)):
            if RUN in str(value)[:100000] and "WORLD" not in str(value)[:100000]:
                escaped("%s in %s" % (name, frame.f_code.co_name))
    frame = frame.f_back
