"""Opens sockets below or beside IP (netlink, packet, vsock, bluetooth, alg, xdp …): the families are refused."""
for family in (16, 17, 40, 31, 38, 44, 29, 30, 5, 9, 21, 43):
    refused("family %d" % family, socket.socket, family, socket.SOCK_RAW)
    refused("family %d" % family, socket.socket, family, socket.SOCK_DGRAM)
refused("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
