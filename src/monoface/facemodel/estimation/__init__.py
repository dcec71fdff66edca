"""Identity, pose and expression estimated from marks, in information form."""
