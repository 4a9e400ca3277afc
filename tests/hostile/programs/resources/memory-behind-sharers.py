"""Takes memory while a hundred processes share a large mapping, which makes it slow to count exactly: they are killed."""
# ends: signal 9 or exit 137
# test: died
# grade: died
import mmap

shared = mmap.mmap(-1, 600 << 20)
start = ctypes.addressof(ctypes.c_char.from_buffer(shared))
ctypes.memset(start, 1, len(shared))
for _ in range(100):
    if os.fork() == 0:
        LIBC.madvise(ctypes.c_void_p(start), ctypes.c_size_t(len(shared)), 22)
        time.sleep(60)
for _ in range(8):
    if os.fork() == 0:
        LIBC.munmap(ctypes.c_void_p(start), ctypes.c_size_t(len(shared)))
        held = bytearray(250 << 20)
        for place in range(0, len(held), 4096):
            held[place] = 1
        time.sleep(60)
time.sleep(60)
