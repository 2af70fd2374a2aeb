"""A figure that a notebook shows by itself: pyplot, which would see to that, is nobody's to load."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from matplotlib.figure import Figure

__all__ = ["PaperFigure"]

#: Dots of the picture for each pixel of the page, so that it is sharp on screens that have more.
_SHARP = 2


class PaperFigure(Figure):
    """A figure with a picture of itself for notebooks."""

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        """The picture, and its size on the page."""
        width, height = self.get_size_inches() * self.dpi
        drawn = BytesIO()
        self.savefig(drawn, format="png", dpi=self.dpi * _SHARP)
        return drawn.getvalue(), {"width": round(width), "height": round(height)}
