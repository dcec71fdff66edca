"""What a linear face model computes, for numpy and PyTorch alike."""
