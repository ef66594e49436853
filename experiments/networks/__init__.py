"""The networks of experiments and benchmarks, in Flax NNX, in the sizes of their sources, and their trained weights."""

from networks._character_transformer import Cache as Cache
from networks._character_transformer import CharacterTransformer as CharacterTransformer
from networks._convolutional import MLP as MLP
from networks._convolutional import VGG8 as VGG8
from networks._convolutional import GoogLeNet as GoogLeNet
from networks._convolutional import LeNet as LeNet
from networks._convolutional import Linear as Linear
from networks._convolutional import Plain20 as Plain20
from networks._linen import LinenVGG8 as LinenVGG8
from networks._linen import linen_variables as linen_variables
from networks._residual import MobileNet as MobileNet
from networks._residual import ResNet20 as ResNet20
from networks._study import SHAPES as SHAPES
from networks._study import StudyCNN as StudyCNN
from networks._vision_transformer import VisionTransformer as VisionTransformer
from networks._weights import NAMED as NAMED
from networks._weights import WEIGHTS as WEIGHTS
from networks._weights import arrays as arrays
from networks._weights import load as load
from networks._weights import restored as restored
from networks._weights import save as save
from networks._weights import untrained as untrained
