"""From a photo to faces: reading, cropping, regressing, texturing, writing."""
