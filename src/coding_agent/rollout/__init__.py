"""Rolling out: the pure core (`state`, `decide`), the loop that answers it (`episode`), grading, and the scheduler."""
