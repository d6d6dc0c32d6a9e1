"""Train the default config to the end of its budget and write the bundled example."""

from pathlib import Path

import numpy as np

from flowplay.config import RunConfig
from flowplay.engine.history import earlier_weights
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.ui.example import HISTORY_FILE, REPLAY_FILE, SNAPSHOT_FILE, STATE_FILE
from flowplay.wire import DensityPicture, ExampleHistory, Replay

FOLDER = Path(__file__).parents[1] / "flowplay" / "ui" / "example"

#: Steps between two points of the held-out curve.
STEPS = 25

#: Steps of the pictures that are replayed: close together where most is learned.
SHOWN = (0, 25, 50, 75, 100, 125, 150, 175, 200, 250, 300, 350, 400, 500, 600, 800, 1000, 1400)

#: Steps whose weights are kept, so that the example can be rewound.
KEPT = (0, 100, 200, 400, 600, 1000, 1400)


def main() -> None:
    """Train, and write state, snapshot, earlier weights and pictures."""
    prepare_process()
    state, snapshot = train_slice(new_run(RunConfig()), steps=0)
    pictures, kept = [], {}
    while True:
        if snapshot.header.step in SHOWN or snapshot.header.finished:
            picture = snapshot.picture(DensityPicture)
            assert picture is not None, "the default problem has a density in the plane"
            pictures.append((snapshot.header.step, picture))
        if snapshot.header.step in KEPT:
            weights = earlier_weights(state.to_bytes())
            assert weights is not None, "the state can be read"
            kept[snapshot.header.step] = weights
        if snapshot.header.finished:
            break
        state, snapshot = train_slice(state, steps=STEPS)
    state, snapshot = train_slice(state, steps=0, fine=True)
    FOLDER.mkdir(exist_ok=True)
    FOLDER.joinpath(STATE_FILE).write_bytes(state.to_bytes())
    FOLDER.joinpath(SNAPSHOT_FILE).write_bytes(snapshot.to_bytes())
    FOLDER.joinpath(HISTORY_FILE).write_bytes(ExampleHistory.of(kept).to_bytes())
    replay = Replay(
        steps=np.array([step for step, _ in pictures]),
        code=np.stack([picture.code for _, picture in pictures]),
    )
    FOLDER.joinpath(REPLAY_FILE).write_bytes(replay.to_bytes())
    held_out = snapshot.measurements["held_out"].value
    print(f"held-out NLL {held_out:.4f} nats after {snapshot.header.step} steps")


if __name__ == "__main__":
    main()
