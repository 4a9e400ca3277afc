"""An open environment for training and studying coding agents: the log is the episode."""

__version__ = "0.1.0"
