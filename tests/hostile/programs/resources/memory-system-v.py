"""Hides memory in System V segments, queues and semaphores that nobody has attached: refused."""
denied("shmget", 29, 194, 0, 64 << 20, 0o1600)
denied("msgget", 68, 186, 0, 0o1600)
denied("semget", 64, 190, 0, 32000, 0o1600)
