"""What travels between worker, engine and page, or is kept: each with its versioned byte form.

Nothing here can be executed by reading it, unlike a pickle, and nothing imports torch.
"""

from flowplay.wire.compressed import Compressed, Restored
from flowplay.wire.diagnosis import Diagnosis
from flowplay.wire.earlier_weights import EarlierWeights
from flowplay.wire.exported_flow import ExportedFlow, export_name
from flowplay.wire.frames import LayerFrames
from flowplay.wire.image_views import (
    AnomaliesView,
    ArrowsView,
    BetweenView,
    DrawnView,
    ImagePosteriorView,
    LabelsView,
    NoiseView,
    ScalesView,
    WalkView,
)
from flowplay.wire.latent_views import (
    GeneratorView,
    InterpolationView,
    PlaneView,
    PosteriorView,
    SampledView,
    SamplingCostView,
)
from flowplay.wire.ledger import Ledger
from flowplay.wire.own_data import Drawing, ImageSet, Table
from flowplay.wire.packing import Packed, identify, pack, unpack, unpack_header
from flowplay.wire.pictures import (
    PICTURE_KINDS,
    DensityPicture,
    ImagesPicture,
    Picture,
    PredictivePicture,
    SamplesPicture,
    picture_kind,
)
from flowplay.wire.replay import ExampleHistory, Replay
from flowplay.wire.run_state import RunState
from flowplay.wire.saved_run import SavedRun
from flowplay.wire.scored import PlaneScores, Scored, SliceView, TestRows, TighterView
from flowplay.wire.shades import Shades
from flowplay.wire.snapshot import Curve, Exactness, Header, Measurement, Snapshot

__all__ = [
    "PICTURE_KINDS",
    "AnomaliesView",
    "ArrowsView",
    "BetweenView",
    "Compressed",
    "Curve",
    "DensityPicture",
    "Diagnosis",
    "Drawing",
    "DrawnView",
    "EarlierWeights",
    "Exactness",
    "ExampleHistory",
    "ExportedFlow",
    "GeneratorView",
    "Header",
    "ImagePosteriorView",
    "ImageSet",
    "ImagesPicture",
    "InterpolationView",
    "LabelsView",
    "LayerFrames",
    "Ledger",
    "Measurement",
    "NoiseView",
    "Packed",
    "Picture",
    "PlaneScores",
    "PlaneView",
    "PosteriorView",
    "PredictivePicture",
    "Replay",
    "Restored",
    "RunState",
    "SampledView",
    "SamplesPicture",
    "SamplingCostView",
    "SavedRun",
    "ScalesView",
    "Scored",
    "Shades",
    "SliceView",
    "Snapshot",
    "Table",
    "TestRows",
    "TighterView",
    "WalkView",
    "export_name",
    "identify",
    "pack",
    "picture_kind",
    "unpack",
    "unpack_header",
]
