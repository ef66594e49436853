"""A tiny program for an installed memjax: python .ci/wheel.py FOLDER, the environment that must hold it."""

import importlib.metadata
import importlib.resources
import pathlib
import sys

import jax
import numpy as np

import memjax as mj

package = pathlib.Path(mj.__file__).parent
assert package.is_relative_to(pathlib.Path(sys.argv[1]).resolve()), f"{package} is not the installed package"
for name in ("py.typed", "cli/quickstart.toml"):
    assert importlib.resources.files("memjax").joinpath(name).is_file(), f"{name} is not in the wheel"
urls = dict(line.split(", ") for line in importlib.metadata.metadata("memjax").get_all("Project-URL"))
assert {"Documentation", "Repository", "Issues", "Changelog"} <= set(urls), urls

weights, x = np.eye(8, dtype=np.float32), np.arange(8, dtype=np.float32)
hardware = mj.Hardware(tile=(4, 4), dac=mj.Dac(bits=None), adc=mj.Adc(bits=None))
chip = mj.program(hardware, weights, jax.random.key(0))
np.testing.assert_allclose(mj.matmul(hardware, chip, x), x, atol=1e-4)
print(f"memjax {mj.__version__} from its wheel, Python {sys.version.split()[0]}, JAX {jax.__version__}")
