"""Arrays, compiled functions and threads that kernels share."""
