"""The command that times monoface, and other programs beside it."""
