"""A folder of images: one folder for each class, or such folders in `train`, `val` and `test`.

With `train` and `test` alone, validation images are drawn from `train`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from adamtune.data.folders import entries_of
from adamtune.data.reader import Asked, Reader
from adamtune.data.source import Array, Examples, Raw
from adamtune.recipe.showing import one_line

if TYPE_CHECKING:
    from types import ModuleType

_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".bmp")
_SPLITS: Final[tuple[str, ...]] = ("train", "val", "test")
_GREY: Final = frozenset({"1", "L", "LA"})
_EXPECTED: Final = "one folder for each class, with images in it, or such folders in train and val"


@dataclass(frozen=True, slots=True)
class _Form:
    """Size and mode of an image, from its head alone."""

    size: tuple[int, int]
    grey: bool


def _weigh(asked: Asked) -> int:
    files = [path for images in _layout(asked).values() for path, _ in images]
    width, height = _form(_pillow(asked), files[0], asked).size
    return len(files) * width * height * (3 + 3 * 4)  # bytes of three channels, and those as float32


def _read(asked: Asked) -> Raw:
    pillow, layout = _pillow(asked), _layout(asked)
    files = [path for images in layout.values() for path, _ in images]
    forms = {path: _form(pillow, path, asked) for path in files}
    _check_sizes(forms, asked)
    mode = "L" if all(form.grey for form in forms.values()) else "RGB"
    return Raw(
        {
            split: Examples(
                _pixels(pillow, [path for path, _ in images], forms[files[0]].size, mode, asked),
                np.array([label for _, label in images]),
            )
            for split, images in layout.items()
        }
    )


def _pillow(asked: Asked) -> ModuleType:
    try:
        import PIL.Image
    except ImportError:
        what = "reading images needs Pillow, which is not installed"
        raise asked.error(what, hint="run: pip install 'adamtune[images]'") from None
    return PIL.Image


def _layout(asked: Asked) -> dict[str, list[tuple[Path, str]]]:
    """Files and their classes by split, or all together."""
    top = entries_of(asked.path, asked)
    folders = {path.name: path for path in top if path.is_dir()}
    _check_no_images(top, asked.path, asked)
    if "train" not in folders or not set(folders) <= set(_SPLITS):
        return {"all": _classes(asked.path, asked)}
    splits = {split: _classes(folders[split], asked) for split in _SPLITS if split in folders}
    return splits if "val" in splits else {"all": splits.pop("train"), **splits}


def _classes(folder: Path, asked: Asked) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    top = entries_of(folder, asked)
    _check_no_images(top, folder, asked)
    for path in (path for path in top if path.is_dir()):
        inside = entries_of(path, asked)
        images = [(file, path.name) for file in inside if file.suffix.lower() in _SUFFIXES]
        deeper = next((file for file in inside if file.is_dir()), None)
        if deeper is not None:
            raise asked.error(f"there is a folder {_short(deeper, asked)} within a class", _EXPECTED)
        if not images:
            raise asked.error(f"the folder {_short(path, asked)} holds no image", f"files of {', '.join(_SUFFIXES)}")
        found += images
    if not found:
        raise asked.error(f"the folder {_short(folder, asked)} holds no class", _EXPECTED)
    return found


def _check_no_images(entries: list[Path], folder: Path, asked: Asked) -> None:
    stray = next((path for path in entries if path.suffix.lower() in _SUFFIXES and path.is_file()), None)
    if stray is not None:
        what = f"{_short(stray, asked)} lies beside the folders of classes: {_short(folder, asked)} is no class"
        raise asked.error(what, _EXPECTED)


def _short(path: Path, asked: Asked) -> str:
    return one_line(str(Path(asked.name) / path.relative_to(asked.path)), 200)


def _check_sizes(forms: dict[Path, _Form], asked: Asked) -> None:
    """Names an image that differs from most."""
    sizes = [form.size for form in forms.values()]
    usual = max(set(sizes), key=sizes.count)
    odd = [path for path, form in forms.items() if form.size != usual]
    if odd:
        (wide, high), (width, height) = usual, forms[odd[0]].size
        more = f", and {len(odd) - 1:,} more differ" if len(odd) > 1 else ""
        what = f"{_short(odd[0], asked)} has {width} x {height} pixels, and most have {wide} x {high}{more}"
        raise asked.error(what, "images of equal size", "try: resize them all to one size first")


def _form(pillow: Any, path: Path, asked: Asked) -> _Form:
    with _opened(pillow, path, asked) as image:
        return _Form(image.size, image.mode in _GREY)


def _pixels(pillow: Any, files: list[Path], size: tuple[int, int], mode: str, asked: Asked) -> Array:
    """The images as bytes, uint8 [N, C, H, W]."""
    x = np.empty((len(files), 1 if mode == "L" else 3, size[1], size[0]), dtype=np.uint8)
    for row, path in enumerate(files):
        with _opened(pillow, path, asked) as image:
            try:
                pixels = np.asarray(image.convert(mode))
            except (OSError, ValueError, SyntaxError):
                raise asked.error(f"{_short(path, asked)} is damaged", "images that can be shown") from None
        x[row] = pixels if mode == "L" else pixels.transpose(2, 0, 1)
    return x


def _opened(pillow: Any, path: Path, asked: Asked) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pillow.DecompressionBombWarning)
        try:
            return pillow.open(path)
        except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
            raise asked.error(f"{_short(path, asked)} has too many pixels", "images of ordinary size") from None
        except (OSError, ValueError, SyntaxError):
            raise asked.error(f"{_short(path, asked)} is no image, or damaged", "images that can be shown") from None


READER: Reader = Reader(
    "images", _SUFFIXES, f"a folder of images: {_EXPECTED}", _read, _weigh, files=False, folders=True
)
