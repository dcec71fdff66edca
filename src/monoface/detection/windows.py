"""Where the networks look: the whole picture, and overlapping tiles at several scales."""

import math

from monoface.detection.crops import SquareCrop


def whole_picture(size_px: tuple[int, int], padding: float, roll_rad: float = 0.0) -> SquareCrop:
    """Square around the whole picture, its side `padding` times the longer side of the picture.

    Args:
        size_px: Width and height of the picture.
        padding: 1 fits the picture exactly; more leaves a black border, so that a face which fills the
            picture or is cut by its border appears at a scale the network knows.
        roll_rad: Turn of the square.
    """
    width, height = size_px
    return SquareCrop((width / 2, height / 2), padding * max(width, height), roll_rad)


def tile_sides(longest_px: float, min_face_px: float, smallest: float, largest: float) -> list[float]:
    """Sides of the tiles, in pixels of the picture, that make every small face large enough for the network.

    Args:
        longest_px: Longer side of the picture; a window of that side is taken as done.
        min_face_px: Smallest face to find.
        smallest: Smallest face the network finds, as a part of its window's side.
        largest: Largest face that a tile has to find: at most the tiles' overlap.

    Returns:
        Sides from large to small, none if the whole picture shows every face large enough. What is too large
        for one size of tile is found by the next.
    """
    ratio = longest_px * smallest / min_face_px
    if ratio <= 1:
        return []
    levels = math.ceil(math.log(ratio) / math.log(largest / smallest) - 1e-9)
    return [longest_px * ratio ** (-level / levels) for level in range(1, levels + 1)]


def tiles(size_px: tuple[int, int], side_px: float, overlap: float) -> list[SquareCrop]:
    """Squares of one size that cover a picture, row by row.

    Neighbours overlap by at least `overlap` of their side, so that anything up to that size lies whole in one
    of them. The tiles are spread evenly and the outer ones end at the border; along a side shorter than a
    tile there is one tile, centred.
    """
    columns, rows = (_centres(length, side_px, overlap) for length in size_px)
    return [SquareCrop((x, y), side_px) for y in rows for x in columns]


def _centres(length_px: float, side_px: float, overlap: float) -> list[float]:
    if length_px <= side_px:
        return [length_px / 2]
    count = math.ceil((length_px - side_px) / (side_px * (1 - overlap)) - 1e-9) + 1
    step = (length_px - side_px) / (count - 1)
    return [side_px / 2 + index * step for index in range(count)]
