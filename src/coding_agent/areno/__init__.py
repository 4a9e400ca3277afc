"""AReno's hooks: rollouts for `areno train`, rewards read from their logs, tasks as a dataset."""
