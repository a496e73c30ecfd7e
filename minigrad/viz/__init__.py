"""Pictures of training, drawn as SVG by the package itself: nothing to install, any browser shows them."""

from .curves import save_curves

__all__ = ["save_curves"]
