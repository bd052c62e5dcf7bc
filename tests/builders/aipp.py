"""A .config of Ascend's image preprocessing."""

from pathlib import Path

WHOLE = {"input_format": "RGB888_U8", "src_image_size_w": "2", "src_image_size_h": "2"}


def aipp_config(folder: Path, **values: str) -> Path:
    """One that is enough, with these values as well; an empty one is left out."""
    path = folder / "aipp.config"
    lines = [f"{name} : {value}" for name, value in (WHOLE | values).items() if value]
    path.write_text("\n".join(["[aipp_op]", *lines]))
    path.chmod(0o644)
    return path
