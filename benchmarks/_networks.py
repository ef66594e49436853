"""The networks that are timed, of experiments/networks; deep ones are those whose compilation counts."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "experiments"))

from networks import MLP as MLP
from networks import VGG8, GoogLeNet, LeNet, Linear, Plain20, ResNet20

NETWORKS = {"linear 512x512": Linear, "LeNet": LeNet, "VGG-8": VGG8}
DEEP = {"20 convolutions": Plain20, "ResNet-20": ResNet20, "GoogLeNet": GoogLeNet}
