"""The way of points out of a crop: the inverse of `photo_to_crop`."""


def crop_to_photo(points_px, box, size):
    """Pixels of the crop that `crop_and_resize` cuts to pixels of the photo."""
    return points_px * ((box[..., None, 2:] - box[..., None, :2]) / size) + box[..., None, :2]
