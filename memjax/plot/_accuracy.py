from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from memjax.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def accuracy(
    variability: ArrayLike,
    adc_bits: Sequence[int],
    accuracies: ArrayLike,
    digital: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Accuracy of many simulated chips against device variability, one curve for each ADC resolution.

    The line is the mean over the chips, the band one standard deviation to each side, the thin line the worst chip;
    the dashed line is the digital model.

    Args:
        variability: relative standard deviation of the device resistances (0.1 is 10 %) `[S]`.
        adc_bits: ADC resolutions in bits `[B]`.
        accuracies: fraction of images classified correctly, for every chip, in [0, 1] `[S, B, chips]`.
        digital: accuracy of the digital model, in [0, 1].
        title: text above the axes.

    Returns:
        The figure, with both axes in percent.

    Raises:
        ValueError: the shapes do not fit together, or there is no chip.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    sigma, values = np.asarray(variability, float), np.asarray(accuracies, float)
    expected = (sigma.size, len(adc_bits))
    if sigma.ndim != 1 or values.ndim != 3 or values.shape[:2] != expected or values.shape[2] == 0:
        raise ValueError(
            f"accuracies must have shape [variability, adc_bits, chips] = [{expected[0]}, {expected[1]}, ≥ 1]; "
            f"got {list(values.shape)}"
        )
    mean, std, worst = values.mean(-1), values.std(-1), values.min(-1)

    with style.axes() as (figure, ax):
        for i, bits in enumerate(adc_bits):
            colour = style.COLOURS[i % len(style.COLOURS)]
            marker = style.MARKERS[i % len(style.MARKERS)]
            low, high = (100 * np.clip(mean[:, i] + side * std[:, i], 0, 1) for side in (-1, 1))
            ax.fill_between(100 * sigma, low, high, color=colour, alpha=0.18, linewidth=0)
            ax.plot(100 * sigma, 100 * worst[:, i], color=colour, linewidth=0.7, alpha=0.9)
            ax.plot(100 * sigma, 100 * mean[:, i], color=colour, marker=marker, label=f"{bits}-bit ADC")
        if digital is not None:
            ax.axhline(100 * digital, color=style.INK, linestyle="--", linewidth=1, label="digital model")
        curves = ax.get_legend_handles_labels()[0]
        how = [
            Line2D([], [], color="grey", label=f"mean of {values.shape[2]} chips"),
            Patch(color="grey", alpha=0.3, linewidth=0, label="± 1 std"),
            Line2D([], [], color="grey", linewidth=0.7, label="worst chip"),
        ]
        figure.legend(handles=[*curves, *how], loc="outside right center")
        ax.set_xlabel("Device variability, relative std of resistance (%)")
        ax.set_ylabel("Classification accuracy (%)")
        if title is not None:
            ax.set_title(title, loc="left")
    return figure
