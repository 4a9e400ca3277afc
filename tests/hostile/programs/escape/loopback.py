"""Connects to a TCP port of the host's loopback: the sandbox's loopback is its own."""
for address in ("127.0.0.1", "localhost", "0.0.0.0", "host.docker.internal"):
    refused("connected", socket.create_connection, (address, WORLD["port"]), 2)
