"""One linear map of the plane: areas, determinant, and the density of a mapped Gaussian."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from flowplay.onedim.bases import FloatArray
from flowplay.onedim.kinds import Parameter

#: What a person sets, in the order in which the map does it, last to first.
PLANE_PARAMETERS: tuple[Parameter, ...] = (
    Parameter("width", "Stretch along the first axis. A negative value mirrors.", 1.5, -2.0, 2.0),
    Parameter("height", "Stretch along the second axis. A negative value mirrors.", 0.8, -2.0, 2.0),
    Parameter(
        "shear", "How far a point moves to the right for each unit of its height.", 0.5, -2.0, 2.0
    ),
    Parameter("rotation", "Rotation, anticlockwise, in degrees.", 20.0, -180.0, 180.0, 5.0),
)

_SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True)
class PlaneMap:
    r"""Scale, then shear, then rotate.

    .. math::
        x = A z, \qquad A = \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta
        \end{pmatrix} \begin{pmatrix} 1 & h \\ 0 & 1 \end{pmatrix}
        \begin{pmatrix} w & 0 \\ 0 & v \end{pmatrix}

    Args:
        width: w, not 0.
        height: v, not 0.
        shear: h.
        rotation: :math:`\theta`, in degrees.

    Raises:
        ValueError: if a stretch is 0.

    Example:
        >>> tilted = PlaneMap(2.0, -0.5, 1.0, 30.0)
        >>> round(tilted.determinant, 6), round(tilted.area, 6)
        (-1.0, 1.0)
    """

    width: float
    height: float
    shear: float
    rotation: float

    def __post_init__(self) -> None:
        """Refuse a map without an inverse."""
        if self.width == 0 or self.height == 0:
            raise ValueError(
                "A stretch of 0 maps the plane to a line or a point: areas become 0, and there is "
                "no inverse."
            )

    @property
    def matrix(self) -> FloatArray:
        """A [2, 2]."""
        cos, sin = math.cos(math.radians(self.rotation)), math.sin(math.radians(self.rotation))
        rotate = np.array([[cos, -sin], [sin, cos]])
        return rotate @ [[1.0, self.shear], [0.0, 1.0]] @ np.diag([self.width, self.height])

    @property
    def determinant(self) -> float:
        """Signed factor by which areas grow; negative if the map mirrors."""
        return float(np.linalg.det(self.matrix))

    @property
    def square(self) -> FloatArray:
        """Corners [4, 2] of what becomes of the unit square."""
        return _SQUARE @ self.matrix.T

    @property
    def area(self) -> float:
        """Area of the unit square's image, from its corners alone."""
        x, y = self.square.T
        return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)

    def log_prob(self, x: ArrayLike) -> FloatArray:
        r"""Return the log-density [n] at x [n, 2] of :math:`A z, z \sim \mathcal{N}(0, I)`.

        .. math::
            \log p_x(x) = \log p_z(A^{-1} x) - \log|\det A|
        """
        z = np.linalg.solve(self.matrix, np.asarray(x, float).T)
        log_p = stats.norm.logpdf(z).sum(0) - math.log(abs(self.determinant))
        return np.asarray(log_p, float)

    def circle(self, radius: float, points: int = 73) -> FloatArray:
        """Return the image [points, 2] of a circle around 0: a line of equal density."""
        angles = np.linspace(0, 2 * math.pi, points)
        return radius * np.stack([np.cos(angles), np.sin(angles)], 1) @ self.matrix.T
