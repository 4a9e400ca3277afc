"""Connects to an abstract Unix socket of the host: its network namespace has none."""
s = socket.socket(socket.AF_UNIX)
refused("connected", s.connect, "\0" + WORLD["abstract"])
