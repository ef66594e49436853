"""The largest tolerable device variability, by gradient and from the grid of a sweep.

    python experiments/tolerance.py [--target 0.9] [--chips 40]

How uneven may the devices be for the digits network to give the right class a mean probability of at least the target?
The chips of a sweep are a differentiable function of the standard deviation of their resistances, since every chip is a
fixed draw that it scales: so Newton's method with the exact derivative answers in a few evaluations what the grid
answers by many and an interpolation. Prints both, and how many chips each needed.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

import memjax as mj


def hardware(sigma) -> mj.Hardware:
    """Lognormal devices of relative standard deviation `sigma`, ideal converters.

    Both are smooth in sigma: a normal draw that is repeated where it is no resistance jumps, and the derivative of a
    chip says nothing about its jumps.
    """
    spread = mj.effects.DeviceVariation(r_on_std=sigma * 10e3, r_off_std=sigma * 100e3, distribution="lognormal")
    cell = mj.Cell(r_on=10e3, r_off=100e3)
    return mj.Hardware(cell=cell, tile=(64, 64), dac=mj.Dac(), adc=mj.Adc(), effects=(spread,))


def confidence(images, labels, model):
    """`fn(key, sigma)`: mean probability of the right class on one chip."""
    forward, state = mj.study.as_function(model)

    def fn(key, sigma):
        analog = mj.crossbarify(forward, hardware(sigma))
        logits = analog.apply(analog.program(state, key, images), state, images)
        right = jnp.take_along_axis(jax.nn.softmax(logits), labels[:, None], axis=1)
        return {"confidence": jnp.mean(right)}

    return fn


def by_gradient(fn, key, chips: int, target: float, start: float = 0.1, steps: int = 12) -> tuple[float, int]:
    """(sigma at which the mean over chips meets the target, evaluations): Newton's method, kept in [0, 1]."""
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(chips))

    @jax.jit
    @jax.value_and_grad
    def mean(sigma):
        return jnp.mean(jax.lax.map(lambda k: fn(k, sigma)["confidence"], keys, batch_size=8))

    sigma, used = start, 0
    while used < steps:
        value, slope = mean(sigma)
        used += 1
        last, sigma = sigma, float(np.clip(sigma - (value - target) / slope, 0.5 * sigma, 2 * sigma))
        if abs(sigma - last) < 1e-4:
            break
    return sigma, used * chips


def by_grid(fn, key, chips: int, target: float, sigmas: np.ndarray) -> tuple[float, int]:
    """The same, where a line through the two grid points around the target meets it."""
    found = mj.sweep(fn, {"sigma": sigmas}, key=key, samples=chips, batch_size=8)
    mean = found.confidence.mean("sample").values
    return float(np.interp(-target, -mean, sigmas)), found.confidence.size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=float, default=0.9, help="mean probability of the right class")
    parser.add_argument("--chips", type=int, default=40)
    parser.add_argument("--images", type=int, default=200)
    args = parser.parse_args()
    data = mj.data.load("digits")
    images, labels = jnp.asarray(data.test_images[: args.images]), jnp.asarray(data.test_labels[: args.images])
    fn = confidence(images, labels, mj.study.train(data))
    key = jax.random.key(0)
    sigma, evaluations = by_gradient(fn, key, args.chips, args.target)
    print(f"by gradient: sigma = {sigma:.4f} ({evaluations} chips, with their derivatives)")
    coarse, evaluations = by_grid(fn, key, args.chips, args.target, np.linspace(0, 1, 11))
    print(f"by the grid: sigma = {coarse:.4f} ({evaluations} chips)")
    fine, evaluations = by_grid(fn, key, args.chips, args.target, sigma + np.linspace(-0.01, 0.01, 5))
    print(f"by a fine grid around the answer: sigma = {fine:.4f} ({evaluations} chips)")


if __name__ == "__main__":
    main()
