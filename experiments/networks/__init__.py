"""The networks of experiments and benchmarks, in Flax NNX: from `nnx.Rngs`, in the sizes of their sources.

Those of Souto Garnelo et al. are with their study (souto_garnelo/cnns.py).
"""

from networks._character_transformer import Cache as Cache
from networks._character_transformer import CharacterTransformer as CharacterTransformer
from networks._convolutional import MLP as MLP
from networks._convolutional import VGG8 as VGG8
from networks._convolutional import GoogLeNet as GoogLeNet
from networks._convolutional import LeNet as LeNet
from networks._convolutional import Linear as Linear
from networks._convolutional import Plain20 as Plain20
from networks._residual import MobileNet as MobileNet
from networks._residual import ResNet20 as ResNet20
from networks._vision_transformer import VisionTransformer as VisionTransformer
