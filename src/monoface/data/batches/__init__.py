"""Batches drawn from packs, with augmentation."""
