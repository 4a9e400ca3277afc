"""Reads what only the host should know: shadow, homes, logs, mounted tokens, other projects: nothing is there."""
for place in ("/etc/shadow", "/root", "/home", "/var", "/run", "/srv", "/mnt", "/media", "/boot", "/etc/ssl/private", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv"):
    absent(place)
