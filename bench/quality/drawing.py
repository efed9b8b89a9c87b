"""Draws a text on pages, as a printer, a phone and a fax would: `drawing.py TEXT FOLDER`. It needs Pillow."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

_FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")


def main() -> None:
    text, folder = Path(sys.argv[1]).read_text("utf-8"), Path(sys.argv[2])
    page = Image.new("L", (1200, 90 + 50 * len(text.splitlines())), 255)
    font = ImageFont.truetype(str(_FONT), 32) if _FONT.exists() else ImageFont.load_default(32)
    ImageDraw.Draw(page).multiline_text((60, 40), text, font=font, fill=0, spacing=12)
    page.save(folder / "clean.png")
    dim = page.point([90 + level // 3 for level in range(256)])
    dim.rotate(3, fillcolor=150).filter(ImageFilter.GaussianBlur(2)).save(folder / "phone.jpg", quality=25)
    small = page.resize((page.width // 3, page.height // 3))
    small.point([255 if level > 150 else 0 for level in range(256)]).save(folder / "fax.tiff")


if __name__ == "__main__":
    main()
