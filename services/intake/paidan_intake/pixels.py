"""Converts decoded pixels of any mode and depth to 8-bit colour on white. Values are scaled, never clipped. Pure."""

from typing import Final, cast

from PIL import Image, ImageMath

_MAX_16_BIT: Final = 65535
_MAX_8_BIT: Final = 255


def to_rgb(image: Image.Image, max_side_px: int) -> Image.Image:
    """Return the pixels as RGB, no larger than allowed; what is transparent is white.

    The mode is converted before the size: a palette or a mask of one bit cannot be averaged.
    """
    converted = _to_8_bit(image)
    converted.thumbnail((max_side_px, max_side_px))
    # Only pixels are copied: a copy of the image would keep comments and profiles.
    canvas = Image.new("RGB", converted.size, "white")
    has_alpha = converted.mode in ("RGBA", "LA")
    canvas.paste(converted.convert("RGB"), mask=converted.getchannel("A") if has_alpha else None)
    return canvas


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _scale_integers(image)
    if image.mode == "F":
        return _scale_floats(image)
    has_alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if image.mode in ("1", "L", "LA", "La"):
        return image.convert("LA" if has_alpha else "L")
    return image.convert("RGBA" if has_alpha else "RGB")


def _scale_integers(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits; wider values by their own range."""
    wide = image.convert("I")
    low, high = _extrema(wide)
    low, high = (0, _MAX_16_BIT) if low >= 0 and high <= _MAX_16_BIT else (low, high)
    grey = _scale(wide, low, high)
    transparent = image.info.get("transparency")
    if not isinstance(transparent, int):
        return grey
    mask = ImageMath.lambda_eval(lambda of: of["convert"]((of["wide"] != transparent) * _MAX_8_BIT, "L"), wide=wide)
    return Image.merge("LA", (grey, mask))


def _scale_floats(image: Image.Image) -> Image.Image:
    low, high = _extrema(image)
    for most in (1, _MAX_8_BIT, _MAX_16_BIT):
        if low >= 0 and high <= most:
            return _scale(image, 0, most)
    return _scale(image, low, high)


def _scale(image: Image.Image, low: float, high: float) -> Image.Image:
    factor = _MAX_8_BIT / (high - low) if high > low else 0
    # Pillow scales I and F images by a linear function only; a half is added because conversion cuts fractions off.
    return image.convert("F").point(lambda value: value * factor + (0.5 - low * factor)).convert("L")


def _extrema(image: Image.Image) -> tuple[float, float]:
    low, high = cast(tuple[float, float], image.getextrema())  # of one band
    return low, high
