"""Sends to the outside over TCP, UDP and IPv6: there is no route."""
for family, address in ((socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET6, ("2606:4700:4700::1111", 53))):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(family, kind)
        s.settimeout(2)
        refused("connected", s.connect, address)
refused("resolved", socket.gethostbyname, "example.org")
