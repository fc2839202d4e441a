"""One image of `street_digits`: a house number drawn from the fonts that matplotlib ships.

The picture is made as a photograph is: glyphs are laid out side by side (`_layout`), put on a plate (`_plate`), seen at
an angle (`_view`), painted on a wall (`_paint`) and taken by a poor camera (`_photograph`). Lengths are in pixels of
the image unless a name says "zoomed"; colours are in 0..255. Another release of Pillow or NumPy may round a few pixel
values differently.
"""

import functools
import io
import math
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

SIDE = 32

_MARGIN = 2  # drawn around the image, so that the camera blurs across its border
_FIELD = SIDE + 2 * _MARGIN
_ZOOM = 2  # the number is drawn at twice the final resolution
_PLANE = (128, 96)  # zoomed width and height of the drawing plane: room to turn the number
_GLYPH_HEIGHT = 64  # zoomed height of a glyph before it is scaled
_LENGTHS = (0.08, 0.53, 0.87, 1.0)  # cumulative chance that a digit's number has 1, 2, 3, 4 digits
_PENS = (6, 8, 10, 12, 15)  # zoomed stroke widths of hand-lettered glyphs
_SHAKES = 4  # hand-lettered alphabets per pen
_SKY = np.array([-2, -1, 4], np.float32)  # mean colour cast of the photographs
_HUES = (-0.35, -0.35, 2.2, 2.2, 2.7, 4.0)  # angles in the chroma plane: blue, brick, ochre, green
_OUTWARD = np.array([-1, -1, 1, 1])  # widens a box (left, top, right, bottom)

# weight * font file / code point of its digit zero: house numbers are mostly bold and sans serif
_FACE_TABLE = """
    4*STIXGeneral/1D7E2 4*STIXGeneral/1D7EC 4*DejaVuSans-Bold/30 4*cmss10/30 2*DejaVuSans/30 2*cmb10/30
    2*STIXGeneralBol/30 2*STIXGeneralBol/1D7EC 2*DejaVuSerif-Bold/30 2*STIXGeneral/30 1*DejaVuSans-Oblique/30
    1*DejaVuSans-BoldOblique/30 1*DejaVuSansMono-Bold/30 1*DejaVuSerif/30 1*DejaVuSerif-Italic/30
    1*DejaVuSerif-BoldItalic/30 1*STIXGeneralItalic/30 1*cmtt10/30 1*cmr10/30 1*STIXGeneralBolIta/30
    1*STIXGeneral/1D7F6 1*DejaVuSans/1D7D8 1*cmti10/30 1*cmmi10/30
"""
_FACES = [face[2:].split("/") for face in _FACE_TABLE.split() for _ in range(int(face[0]))]

# Lettering the fonts lack (open 4, crossed 7, bare 1), the variants of a digit between slashes, their strokes between
# bars: x,y in percent of the glyph's box, joined by a spline; a point given twice is a corner.
_STROKE_TABLE = """
0: 50,0 12,17 0,50 12,83 50,100 88,83 100,50 88,17 50,0
1: 50,0 50,100 / 20,24 58,0 58,0 58,100 / 15,25 52,0 52,0 52,100 | 10,100 92,100
2: 5,25 20,5 50,0 85,10 93,30 75,55 2,100 2,100 100,100 / 3,30 25,3 70,2 95,25 75,50 15,78 0,100 0,100 98,100
3: 5,15 30,0 70,2 90,22 75,43 40,48 40,48 80,54 97,73 80,95 40,100 2,84
3: 5,0 5,0 90,0 90,0 45,40 45,40 85,50 97,72 80,95 40,100 2,85
4: 75,100 75,0 75,0 0,70 0,70 100,70 / 20,0 0,58 0,58 100,58 | 75,10 75,100 / 65,0 0,68 0,68 98,68 | 70,40 70,100
5: 90,0 20,0 20,0 10,45 10,45 50,36 90,50 95,72 75,96 40,100 2,86 / 95,0 8,0 8,0 8,42 60,38 97,65 70,97 0,98
6: 70,0 15,55 5,75 25,97 50,100 85,92 95,70 80,47 50,42 15,55
6: 90,14 60,0 30,7 8,35 5,70 25,96 55,100 88,90 95,68 80,47 50,42 20,50 7,66
7: 0,0 0,0 100,0 100,0 35,100 / 0,0 0,0 100,0 100,0 60,40 40,100 / 0,0 100,0 100,0 40,100 | 28,48 92,48
8: 50,0 15,10 12,32 50,47 92,66 85,93 50,100 15,93 8,66 50,47 88,32 85,10 50,0
9: 30,100 85,45 95,25 75,3 50,0 15,8 5,30 20,53 50,58 85,45
9: 10,86 40,100 70,93 92,65 95,30 75,4 45,0 12,10 5,32 20,53 50,58 80,50 93,34
"""
_STROKES = [
    [variant for row in _STROKE_TABLE.splitlines() if row.startswith(name) for variant in row[2:].split("/")]
    for name in "0123456789"
]


def draw(rng: np.random.Generator, label: int) -> np.ndarray:
    """Draws one photograph of a house number with the digit `label` in its middle.

    Args:
        rng: the source of everything but the label; the same state draws the same image.
        label: 0..9.

    Returns:
        The image, uint8 [32, 32, 3] in 0..255.
    """
    masks = _view(rng, _plate(rng, _layout(rng, label)))
    return _photograph(rng, _paint(rng, masks))


def _layout(rng: np.random.Generator, label: int) -> Image.Image:
    """The ink of a house number on the drawing plane, the label in its middle."""
    size = rng.uniform(0.56, 0.98) if rng.random() < 0.92 else rng.uniform(0.44, 0.56)
    height = round(_ZOOM * SIDE * size)
    aspect = rng.uniform(0.52, 1.02)
    slope = rng.normal(0, 0.04) if rng.random() < 0.9 else rng.normal(0, 0.4)
    gap = height * rng.uniform(0.02, 0.25) * rng.random()
    face, variant, shake = (rng.integers(n) for n in (len(_FACES), 6, _SHAKES))
    pen = _PENS[rng.integers(len(_PENS))]
    lettered, bare_one = rng.random() < 0.3, rng.random() < 0.4
    plane = Image.new("L", _PLANE)

    def put(number: int, side: int, x: float) -> float:
        """Draws a glyph centred on x (side 0) or beyond it (-1, 1); returns half its width."""
        if lettered or (number == 1 and bare_one):
            glyph = _lettered(number, variant % len(_STROKES[number]), pen, shake)
        else:
            glyph = _printed(face, number)
        width = max(3, round(glyph.width * aspect * height / _GLYPH_HEIGHT))
        x += side * (gap + width / 2)
        top = (_PLANE[1] - height) / 2 + slope * (x - _PLANE[0] / 2)
        plane.paste(255, (round(x - width / 2), round(top)), glyph.resize((width, height)))
        return width / 2

    half = put(label, 0, _PLANE[0] / 2)
    length = int(np.searchsorted(_LENGTHS, rng.random())) + 1
    before = int(rng.integers(length))
    for side, neighbours in ((-1, before), (1, length - 1 - before)):
        x = _PLANE[0] / 2 + side * half
        for _ in range(min(neighbours, 2)):
            x += side * (gap + 2 * put(int(rng.integers(10)), side, x))
    return plane


@functools.cache
def _printed(face: int, number: int) -> Image.Image:
    """The glyph of a font, cropped to its ink, `_GLYPH_HEIGHT` tall."""
    name, zero = _FACES[face]
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
    size = 2 * _GLYPH_HEIGHT
    font = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    image = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(image).text((size // 2, size // 2), chr(int(zero, 16) + number), 255, font)
    image = image.crop(image.getbbox())
    width = max(6, image.width * _GLYPH_HEIGHT // image.height)
    return image.resize((width, _GLYPH_HEIGHT), Image.Resampling.BOX)


@functools.cache
def _lettered(number: int, variant: int, pen: int, shake: int) -> Image.Image:
    """A glyph drawn with a round pen (zoomed width) along a shaken skeleton."""
    rng = np.random.Generator(np.random.PCG64([number, variant, pen, shake]))
    width = 0 if (number, variant) == (1, 0) else round(_GLYPH_HEIGHT * rng.uniform(0.4, 0.55))  # 0: the bare 1
    image = Image.new("L", (width + pen, _GLYPH_HEIGHT))
    draw = ImageDraw.Draw(image)
    for stroke in _STROKES[number][variant].split("|"):
        points = np.array([point.split(",") for point in stroke.split()], float)
        points += rng.normal(0, 2.5, points.shape)
        path = _spline(points * (width, _GLYPH_HEIGHT - pen) / 100) + pen / 2
        draw.line([tuple(point) for point in path], 255, pen, joint="curve")
    return image.crop(image.getbbox())


def _spline(points: np.ndarray) -> np.ndarray:
    """A Catmull-Rom curve through the points [n, 2]: [4 n, 2] about."""
    p = np.concatenate([points[:1], points, points[-1:]])[:, None]
    t = np.linspace(0, 1, 5)[:, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    cubic = a * -0.5 + b * 1.5 - c * 1.5 + d * 0.5
    return (b + t * ((c - a) / 2 + t * (a - 2.5 * b + 2 * c - d / 2 + t * cubic))).reshape(-1, 2)


def _plate(rng: np.random.Generator, ink: Image.Image) -> Image.Image:
    """Adds what surrounds the ink, as an RGB image's bands: ink, edge (outline, shadow), plate."""
    edge, plate = Image.new("L", _PLANE), Image.new("L", _PLANE)
    kind = rng.random()
    if kind < 0.15:
        blurred = ink.filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 3)))
        edge = blurred.point([min(255, 4 * max(0, v - 30)) for v in range(256)])
    elif kind < 0.4:
        edge = ImageChops.offset(ink, *rng.integers(-6, 7, 2).tolist())
    if rng.random() < 0.45:
        box = np.array(ink.getbbox()) + _OUTWARD * rng.uniform(3, (30, 14, 30, 14))
        if rng.random() < 0.25:
            ImageDraw.Draw(plate).ellipse((box + 8 * _OUTWARD).tolist(), 255)
        else:
            radius = 8 * int(rng.integers(2))
            ImageDraw.Draw(plate).rounded_rectangle(box.tolist(), radius, 255)
            if rng.random() < 0.2:
                frame, width = (box - 5 * _OUTWARD).tolist(), int(rng.integers(2, 4))
                ImageDraw.Draw(ink).rounded_rectangle(frame, radius, outline=255, width=width)
    return Image.merge("RGB", (ink, edge, plate))


def _view(rng: np.random.Generator, plane: Image.Image) -> np.ndarray:
    """Looks at the plane at an angle: ink, edge and plate, float32 [3, 36, 36, 1] in 0..1."""
    angle = math.radians(rng.normal(0, 4) if rng.random() < 0.85 else rng.normal(0, 14))
    shear, tall = rng.normal(0, 0.1), rng.normal(1, 0.04)
    vanish = rng.normal(0, 0.0015, 2)
    shift = rng.normal(0, (2.5, 2)) + np.array(_PLANE) / 2
    turn = [[math.cos(angle), math.sin(angle) + shear], [-math.sin(angle) * tall, math.cos(angle) * tall]]
    rows = np.array(turn) + np.outer(shift, vanish)
    side = _ZOOM * _FIELD
    scale = 1 - vanish.sum() * side / 2
    offset = shift - rows.sum(1) * side / 2
    perspective = [float(v / scale) for v in (*rows[0], offset[0], *rows[1], offset[1], *vanish)]
    seen = plane.transform((side, side), Image.Transform.PERSPECTIVE, perspective, Image.Resampling.BILINEAR)
    if rng.random() < 0.5:  # thinner or bolder strokes: another threshold of the blurred ink
        ink, edge, plate = seen.split()
        ramp = (3 * (np.arange(256) - 255 * rng.uniform(0.12, 0.38))).clip(0, 255)
        ink = ink.filter(ImageFilter.GaussianBlur(1.2)).point(ramp.astype(int).tolist())
        seen = Image.merge("RGB", (ink, edge, plate))
    masks = np.asarray(seen.reduce(_ZOOM), np.float32) / 255
    return np.moveaxis(masks, 2, 0)[..., None]


def _paint(rng: np.random.Generator, masks: np.ndarray) -> np.ndarray:
    """Gives the masks their colours, under uneven light: float32 [36, 36, 3], about 0..255."""
    ink, edge, plate = masks
    middle = rng.normal(116, 35)
    contrast = (38 + math.exp(rng.normal(4.15, 0.55))) * (0.5 + 0.5 * max(0, middle) / 115)
    sign = 1 if rng.random() < 0.47 else -1  # light digits on dark, or dark on light
    ground, letter = middle - sign * contrast / 2, middle + sign * contrast / 2
    base = _colour(rng, ground, 0.14)
    wall = _colour(rng, ground + rng.normal(0, 50), 0.1) if plate.any() else base
    scene = _clutter(rng, wall) if rng.random() < 0.5 else wall
    texture = min(math.exp(rng.normal(1.5, 0.7)), contrast / 5)
    scene = scene + _patches(rng, *rng.integers(2, 12, 2)) * texture
    scene += (base - scene) * plate
    if edge.any():
        shade = _colour(rng, rng.uniform(10, 235), 0.05)
        scene += (shade - scene) * edge * rng.uniform(0.3, 1)
    letters = _colour(rng, letter, 0.1) + _patches(rng, 3, 3) * abs(rng.normal(0, contrast / 10))
    scene += (letters - scene) * ink
    light = 1 + _patches(rng, 2, 2) * abs(rng.normal(0, 0.1))
    return scene * light + _SKY + _tint(rng, 4.5) + _patches(rng, 3, 3) * _tint(rng, 3.5)


def _clutter(rng: np.random.Generator, wall: np.ndarray) -> np.ndarray:
    """A wall with frames, joints and shadows on it, float32 [36, 36, 3]."""
    image = Image.new("RGB", (_FIELD, _FIELD), tuple(wall.clip(0, 255).astype(int).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 5)):
        x, y = rng.uniform(-8, _FIELD + 8, 2)
        tone = tuple((wall + rng.normal(0, 30)).clip(0, 255).astype(int).tolist())
        tilt, width = rng.normal(0, 3), int(rng.integers(1, 5))
        kind = rng.random()
        if kind < 0.25:
            draw.line((x - tilt, -1, x + tilt, _FIELD), tone, width)
        elif kind < 0.5:
            draw.line((-1, y - tilt, _FIELD, y + tilt), tone, width)
        else:
            w, h = rng.uniform(3, 24, 2)
            draw.rectangle((x - w, y - h, x + w, y + h), tone)
    return np.asarray(image, np.float32)


def _patches(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Smooth noise, float32 [36, 36, 1] of about unit strength, with `rows` x `columns` patches."""
    grid = rng.standard_normal((rows, columns), np.float32)
    return (_spread(rows) @ grid @ _spread(columns).T)[..., None]


@functools.cache
def _spread(count: int) -> np.ndarray:
    """The float32 [36, count] matrix that interpolates `count` values over the field."""
    identity = Image.fromarray(np.eye(count, dtype=np.float32))
    return np.asarray(identity.resize((count, _FIELD), Image.Resampling.BICUBIC))


def _colour(rng: np.random.Generator, luminance: float, vivid: float) -> np.ndarray:
    """RGB [3] of a given luminance: nearly grey or, with chance `vivid`, strongly coloured."""
    if rng.random() < vivid:
        hue = _HUES[rng.integers(len(_HUES))] + rng.normal(0, 0.35)
        amount = rng.gamma(2.5, 10)
        luminance = min(luminance, 190 - amount)
        return _rgb(luminance, amount * math.cos(hue), amount * math.sin(hue))
    sky = 0.03 * (115 - luminance)  # shadows are lit by the blue sky
    return _rgb(luminance, sky, 0) + _tint(rng, 4)


def _tint(rng: np.random.Generator, strength: float) -> np.ndarray:
    """RGB offsets [3] without luminance, mostly along the blue-orange axis of daylight."""
    blue = rng.normal(0, strength)
    return _rgb(0, blue, -0.65 * blue + rng.normal(0, strength / 2))


def _rgb(luminance: float, blue: float, red: float) -> np.ndarray:
    """RGB, float32 [3], from luminance and JPEG's chroma (blue, red)."""
    chroma = [1.403 * red, -0.344 * blue - 0.714 * red, 1.773 * blue]
    return np.array(chroma, np.float32) + np.float32(luminance)


def _photograph(rng: np.random.Generator, scene: np.ndarray) -> np.ndarray:
    """Takes the picture from afar: fringes, noise, blur, few pixels, JPEG; uint8 [32, 32, 3]."""
    fringe = rng.uniform(-0.7, 0.7)
    scene[1:, :, 2] += fringe * (scene[:-1, :, 2] - scene[1:, :, 2])
    scene[:, 1:, 0] += fringe * (scene[:, :-1, 0] - scene[:, 1:, 0])
    scene += rng.standard_normal(scene.shape, np.float32) * rng.uniform(0, 8)
    image = Image.fromarray(scene.clip(0, 255).astype(np.uint8))
    blur = (abs(rng.normal(0, 0.8, 2)) + 0.45).tolist()
    pixels = int(min(_FIELD, rng.uniform(12, 44)))
    image = image.filter(ImageFilter.GaussianBlur(blur)).resize((pixels, pixels), Image.Resampling.BOX)
    if rng.random() < 0.5:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(60, 98)))
        image = Image.open(file)
    near, far = pixels * _MARGIN / _FIELD, pixels * (_FIELD - _MARGIN) / _FIELD
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, (near, near, far, far)))
