"""Unpacks a bomb (a gigabyte from a megabyte) in memory: its address space ends first."""
import zlib

packed = zlib.compress(bytes(1 << 20)) 
many = zlib.compressobj()
bomb = b"".join(many.compress(bytes(1 << 24)) for _ in range(128)) + many.flush()
refused("unpacked", zlib.decompress, bomb, by=(MemoryError,))
