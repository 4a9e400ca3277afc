"""For `areno train --dataset-loader-fn`: loaded by path, so it must hold the function itself."""

from coding_agent.areno.records import load_records


def load_training_dataset(path, **_loaders):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN201
    """Tasks as records. `path`: a folder of tasks, or a TOML file of options."""
    return load_records(path)
