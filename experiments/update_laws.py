"""Response curves and symmetry points of all presets of update laws.

    python experiments/update_laws.py

writes docs/update_laws.png: the nominal cell of every preset, driven up and down.
"""

from pathlib import Path

import memjax as mj


def main() -> None:
    laws = {name: make() for name, make in mj.training.presets.ALL.items()}
    axes = mj.plot.update_laws(laws)
    axes[0].figure.savefig(Path(__file__).parents[1] / "docs" / "update_laws.png", dpi=120)


if __name__ == "__main__":
    main()
