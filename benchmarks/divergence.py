"""Which runs are said to diverge: configurations that do, and others that must not be stopped.

`python -m benchmarks.divergence` trains all of them to their end and prints a table; it exits with
1 if one of the first kind ends without the sentence and a picture, or one of the second with it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from flowplay import kernels
from flowplay.config import RunConfig
from flowplay.training import new_run, prepare_process, train_slice
from flowplay.wire import DensityPicture, ImagesPicture, Snapshot

#: Steps of a slice; a page looks at the held-out points about as often.
STEPS = 20

_FAST = {"learning_rate": 0.5, "budget": 400}
_LOOSE = {"optimizer": "sgd", "clip_norm": 1000.0, "budget": 400}

DIVERGING: list[dict[str, Any]] = [
    {"target": "moons", "seed": 1, **_FAST},
    {"target": "moons", "seed": 2, **_FAST},
    {"target": "circles", **_FAST},
    {"target": "spiral", **_FAST},
    {"target": "pinwheel", "seed": 3, **_FAST},
    {"target": "moons", "learning_rate": 0.5, "warmup": 0, "budget": 400},
    {"target": "moons", "learning_rate": 0.2, "depth": 32, "warmup": 0, "budget": 400},
    {"optimizer": "adamw", "clip_norm": 0.1, **_FAST},
    {"optimizer": "adamw", "clip_norm": 1000.0, "depth": 24, **_FAST},
    {"learning_rate": 0.5, **_LOOSE},
    {"learning_rate": 0.1, **_LOOSE},
    {"architecture": "glow", "learning_rate": 0.5, **_LOOSE},
    {"architecture": "maf", "learning_rate": 0.5, **_LOOSE},
    {"architecture": "maf", "depth": 16, "warmup": 0, **_FAST},
    {"architecture": "nice", "depth": 16, "schedule": "constant", **_FAST},
    {"architecture": "glow", "depth": 24, "schedule": "constant", **_FAST},
    {"architecture": "iaf", "depth": 12, "warmup": 0, "budget": 200, "learning_rate": 0.5},
    {"target": "u1", "depth": 24, "schedule": "constant", **_FAST},
    {"target": "rings", **_FAST},
    {"target": "eight_gaussians", "optimizer": "adamw", "weight_decay": 0.1, **_FAST},
]

_FAMILIES = (
    *("planar", "radial", "nice", "realnvp", "glow", "maf", "iaf", "nsf", "flowpp", "residual"),
    *("flow_matching", "graphical", "ffjord"),
)
_SLOW = ("flowpp", "residual", "ffjord", "flow_matching", "iaf")

HEALTHY: list[dict[str, Any]] = [
    *(
        dict[str, Any](architecture=a, budget=100 if a in _SLOW else 400, width=32)
        for a in _FAMILIES
    ),
    *(
        dict[str, Any](target=t, architecture=a, depth=d, learning_rate=r, budget=400)
        for t in ("circles", "spiral", "checkerboard", "eight_gaussians", "rings", "pinwheel")
        for a, d, r in (("realnvp", 8, 5e-3), ("nsf", 3, 0.02))
    ),
    *(
        dict[str, Any](target=t, annealing=a, budget=300, width=32)
        for t in ("u1", "u2", "u3", "u4", "funnel", "banana", "wells")
        for a in (0.0, 0.5)
    ),
    {"samples": 100, "architecture": "nsf", "budget": 800},
    {"samples": 100, "architecture": "realnvp", "budget": 800},
    {"learning_rate": 0.02, "warmup": 0, "budget": 400},
    {"learning_rate": 0.02, "warmup": 0, "schedule": "constant", "budget": 400},
    {"learning_rate": 0.05, "architecture": "nsf", "depth": 3, "budget": 400},
    {"optimizer": "sgd", "learning_rate": 0.01, "budget": 400},
    {"optimizer": "adamw", "weight_decay": 0.1, "budget": 400},
    {"batch_size": 16, "budget": 400},
    {"budget": 5},
    # Mixtures bound it, and averaged weights: even the highest rate only learns little.
    {"target": "digits", "learning_rate": 0.5, "budget": 80},
    {"target": "digits", "budget": 60},
    {"target": "digits", "architecture": "nsf", "budget": 60},
]


def train(flat: dict[str, Any]) -> Snapshot:
    """Train a configuration to its end.

    Raises:
        ValueError: if a value of it is refused.
    """
    config, refused = RunConfig.repair({name: str(value) for name, value in flat.items()})
    if refused:
        raise ValueError(" ".join(refused))
    state = new_run(config)
    while True:
        kernels.prepare()
        state, snapshot = train_slice(state, steps=STEPS)
        if snapshot.header.failure or snapshot.header.finished:
            return snapshot


def has_picture(snapshot: Snapshot) -> bool:
    """Tell whether something is to be seen on the picture."""
    density = snapshot.picture(DensityPicture)
    if density is not None:
        return int(np.max(density.code)) > 40
    return snapshot.picture(ImagesPicture) is not None


def main() -> None:
    """Print the table."""
    prepare_process()
    wrong = 0
    for kind, cases in (("diverging", DIVERGING), ("healthy", HEALTHY)):
        print(f"\n{len(cases)} {kind}\n")
        for flat in cases:
            began = time.perf_counter()
            snapshot = train(flat)
            told = snapshot.header.failure
            right = bool(told) == (kind == "diverging") and has_picture(snapshot)
            wrong += not right
            loss = snapshot.measurements["held_out"]
            said = " ".join(f"{name}={value}" for name, value in flat.items())
            print(
                f"{'ok   ' if right else 'WRONG'} {said}: step {snapshot.header.step}, "
                f"{loss.value:.3f} {loss.unit}, {time.perf_counter() - began:.1f} s. {told}",
                flush=True,
            )
    print(f"\n{wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
