"""Opens host files by file handle, past every path (the container escape called shocker): refused."""
import struct

for inode in (2, 128, 1):
    handle = struct.pack("IiQ", 8, 1, inode)
    denied("open_by_handle_at", 304, 265, os.open("/usr", os.O_RDONLY), handle, 0)
