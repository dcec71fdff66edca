"""The training loop, checkpoints, averaging and logs that all methods share."""
