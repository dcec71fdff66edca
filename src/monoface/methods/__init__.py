"""Methods: what is trained, on which losses. They know no data loading and no training loop."""

from monoface.methods.contract import Method, StepResult

__all__ = ["Method", "StepResult"]
