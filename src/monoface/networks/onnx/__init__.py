"""Networks as ONNX models, written without PyTorch and without the package `onnx`."""
