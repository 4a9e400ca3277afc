"""A small CPU backend for AReno, a tiny model for it, and the runs that use them: `make areno-smoke`, `make areno-learn`.

AReno 0.10 has backends for CUDA, NPU and MLX. Ours registers through AReno's own `register_backend`, so the plain `areno
train` command runs where there is no accelerator: its CLI, trainer, proxy, packing, losses, sampler and schedules, with
only the model, the decoder and the optimiser replaced. It is for tests and for studying, not for speed.
"""
