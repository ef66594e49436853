"""VGG-8 in Flax Linen, beside the one in NNX: the same network in the other style, with the same weights."""

from collections.abc import Sequence
from typing import Any

from flax import linen, nnx

from networks._convolutional import VGG8


class LinenVGG8(linen.Module):
    """`VGG8`: images `[B, 32, 32, 3]` to logits `[B, 10]`; batch statistics are used unless `train`."""

    channels: Sequence[int] = (48, 48, 96, 96, 144, 144)
    hidden: int = 384

    @linen.compact
    def __call__(self, x, train: bool = False):
        for pair in range(len(self.channels) // 2):
            first, second = self.channels[2 * pair : 2 * pair + 2]
            x = linen.relu(linen.Conv(first, (3, 3), name=f"convs_{2 * pair}")(x))
            x = linen.Conv(second, (3, 3), name=f"convs_{2 * pair + 1}")(x)
            x = linen.relu(linen.BatchNorm(use_running_average=not train, name=f"norms_{pair}")(x))
            x = linen.max_pool(x, (2, 2), (2, 2))
        x = linen.relu(linen.Dense(self.hidden, name="dense_0")(x.reshape(len(x), -1)))
        return linen.Dense(10, name="dense_1")(x)


def linen_variables(model: VGG8) -> dict[str, Any]:
    """What `LinenVGG8.apply` takes, from the network in NNX."""
    params, statistics = nnx.state(model, nnx.Param), nnx.state(model, nnx.BatchStat)
    by_name = lambda state: {
        f"{group}_{index}": leaves for group, layers in nnx.as_pure(state).items() for index, leaves in layers.items()
    }
    return {"params": by_name(params), "batch_stats": by_name(statistics)}
