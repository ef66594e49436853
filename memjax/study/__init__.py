"""From a trained network and a data set to the accuracies of simulated chips, and their report.

```
case = mj.study.Case(*mj.study.as_function(model), images, labels)
one = lambda key, sigma: {"accuracy": mj.study.accuracy(case, hardware(sigma), key)}
found = mj.sweep(one, {"sigma": sigmas}, key=key, samples=100)
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
