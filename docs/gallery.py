"""Draws the figures of gallery.md again, from its own blocks.

python docs/gallery.py
"""

import os
import pathlib
import re
import runpy
import tempfile

PAGE = pathlib.Path(__file__).with_suffix(".md")
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def main() -> None:
    os.chdir(PAGE.with_suffix(""))
    with tempfile.TemporaryDirectory() as folder:
        for number, code in enumerate(BLOCK.findall(PAGE.read_text("utf-8"))):
            program = pathlib.Path(folder) / f"block_{number}.py"
            program.write_text(code, "utf-8")
            runpy.run_path(str(program))


if __name__ == "__main__":
    main()
