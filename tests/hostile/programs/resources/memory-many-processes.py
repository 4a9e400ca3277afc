"""Takes memory in many processes, each below its own limit: together they are killed, and the record says for what."""
# ends: signal 9 or exit 137
# test: died
# grade: died
for _ in range(100):
    if os.fork() == 0:
        held = bytearray(300 << 20)
        for place in range(0, len(held), 4096):
            held[place] = 1
        time.sleep(60)
time.sleep(60)
