"""The checkpoints of the book 'Deep Learning with PyTorch'."""

from nodulus.app.book.model_folder import import_checkpoints

__all__ = ["import_checkpoints"]
