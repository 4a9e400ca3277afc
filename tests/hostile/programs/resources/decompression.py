"""Unpacks a bomb (two gigabytes from a few hundred kilobytes) in memory: its address space ends first."""
import gzip

bomb = gzip.compress(bytes(32 << 20), 1) * 64
refused("unpacked", gzip.decompress, bomb, by=(MemoryError,))
