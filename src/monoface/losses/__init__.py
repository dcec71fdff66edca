"""Losses: tensors in, one value per sample out. None of them renders."""
