"""What is sent of a long conversation, so that it fits into the model's context."""

from .fit import Fit, Fitted, Strategy
from .fitting import Fitter, count_messages

__all__ = ["Fit", "Fitted", "Fitter", "Strategy", "count_messages"]
