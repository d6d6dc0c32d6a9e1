"""Train the default config to the end of its budget and write the bundled example."""

from pathlib import Path

from flowplay.config import RunConfig
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.ui.example import SNAPSHOT_FILE, STATE_FILE

FOLDER = Path(__file__).parents[1] / "flowplay" / "ui" / "example"

#: Steps between two points of the held-out curve.
STEPS = 25


def main() -> None:
    """Train, and write state and snapshot."""
    prepare_process()
    state, snapshot = train_slice(new_run(RunConfig()), steps=0)
    while not snapshot.header.finished:
        state, snapshot = train_slice(state, steps=STEPS)
    state, snapshot = train_slice(state, steps=0, fine=True)
    FOLDER.mkdir(exist_ok=True)
    FOLDER.joinpath(STATE_FILE).write_bytes(state.to_bytes())
    FOLDER.joinpath(SNAPSHOT_FILE).write_bytes(snapshot.to_bytes())
    held_out = snapshot.measurements["held_out"].value
    print(f"held-out NLL {held_out:.4f} nats after {snapshot.header.step} steps")


if __name__ == "__main__":
    main()
