"""Pictures of a page: encoded small, with landmarks drawn on them."""

import io

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from monoface.evaluation.reports.page.model import Picture

SIDE_PX = 240
_OVERSAMPLING = 2
_TRUE, _PREDICTED = (70, 220, 120), (255, 90, 60)


def picture_of(image: UInt8[np.ndarray, "height width 3"], caption: str, quality: int = 80) -> Picture:
    """An image as WebP."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "webp", quality=quality, method=4)
    return Picture(buffer.getvalue(), caption)


def landmarks_picture(
    image: UInt8[np.ndarray, "height width 3"],
    true_px: Float[np.ndarray, "points 2"],
    predicted_px: Float[np.ndarray, "points 2"],
    caption: str,
) -> Picture:
    """The face of a photo with true points in green and predicted ones in red, joined by lines."""
    known = np.concatenate([points[np.isfinite(points).all(axis=1)] for points in (true_px, predicted_px)])
    known = known if len(known) else np.array([[0.0, 0.0], image.shape[1::-1]])
    centre = (known.min(axis=0) + known.max(axis=0)) / 2
    half = max(float(np.ptp(known, axis=0).max()) * 0.62, 8.0)
    size = SIDE_PX * _OVERSAMPLING
    zoom = size / (2 * half)
    corner = centre - half
    canvas = Image.fromarray(image).transform(
        (size, size),
        Image.Transform.AFFINE,
        (1 / zoom, 0, corner[0], 0, 1 / zoom, corner[1]),
        Image.Resampling.BILINEAR,
    )
    draw = ImageDraw.Draw(canvas)
    true, predicted = (true_px - corner) * zoom, (predicted_px - corner) * zoom
    for start, end in zip(true, predicted, strict=True):
        if np.isfinite(start).all() and np.isfinite(end).all():
            draw.line([*start, *end], fill=(255, 255, 255), width=2)
    for points, colour in ((true, _TRUE), (predicted, _PREDICTED)):
        for x, y in points[np.isfinite(points).all(axis=1)]:
            draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=colour, outline=(0, 0, 0))
    small = canvas.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    return picture_of(np.asarray(small), caption)
