"""dlib's face recognition network: its layers, its weights, and how it runs in numpy."""
