"""From a trained network and a data set to the accuracies of simulated chips, and their report.

```python
import jax
import memjax as mj

digits = mj.data.load("digits")
model = mj.study.train(digits, network="mlp", steps=300)
case = mj.study.Case(*mj.study.as_function(model), digits.test_images, digits.test_labels)


def chip(key, sigma):
    spread = mj.effects.DeviceVariation(r_on_std=10e3 * sigma, r_off_std=100e3 * sigma)
    hardware = mj.Hardware(cell=mj.Cell(r_on=10e3, r_off=100e3), effects=(spread,))
    return {"accuracy": mj.study.accuracy(case, hardware, key)}


found = mj.sweep(chip, {"sigma": [0.0, 0.2]}, key=jax.random.key(0), samples=10)
print(mj.study.per_point(found.accuracy))
mj.study.write("results", {"chips.csv": mj.study.per_chip(found.accuracy), "chips.png": mj.plot.sweep(found)})
```
"""

from memjax.study._accuracy import accuracy as accuracy
from memjax.study._accuracy import digital_accuracy as digital_accuracy
from memjax.study._arrays import packed as packed
from memjax.study._arrays import unpacked as unpacked
from memjax.study._case import Case as Case
from memjax.study._case import as_function as as_function
from memjax.study._files import check_writable as check_writable
from memjax.study._files import write as write
from memjax.study._frames import per_chip as per_chip
from memjax.study._frames import per_point as per_point
from memjax.study._frames import table as table
from memjax.study._networks import NETWORKS as NETWORKS
from memjax.study._networks import STEPS as STEPS
from memjax.study._networks import train as train
from memjax.study._networks import untrained as untrained
