"""memjax's side of `peers.py`, and digital JAX."""

import jax
import jax.numpy as jnp
import optax
from _networks import NETWORKS
from _peer_worker import Built, serve
from flax import nnx
from inference import as_function, hardware
from training import Task, network, training

import memjax as mj


def called(function, *arguments):
    """A compiled function of these arguments, ready to be called without them."""
    jitted = jax.jit(function)
    jax.block_until_ready(jitted(*arguments))
    return lambda: jax.block_until_ready(jitted(*arguments))


def forward(job, data) -> Built:
    fn, state = as_function(NETWORKS[job["network"]])
    x = jnp.asarray(data["x"])
    digital = called(fn, state, x)
    if job["variant"] == "digital":
        return Built(digital, ideal=digital)

    ideal = mj.Hardware(cell=mj.Cell(r_on=10e3, r_off=100e3), dac=mj.Dac(bits=None), adc=mj.Adc(bits=None))

    def analog(setting, calibrated):
        program = mj.crossbarify(fn, setting)
        chip = program.program(state, jax.random.key(1), x)
        return called(program.apply, program.calibrate(chip, state, x) if calibrated else chip, state, x)

    return Built(analog(hardware(job["tile"]), True), digital, lambda: analog(ideal, False)())


def steps(made, batches):
    """(a function that makes the next step of a training, one that gives the state now)."""
    state, index = jax.jit(made.init)(jax.random.key(1)), 0
    step = jax.jit(made.step, donate_argnums=0).lower(state, *batches[0]).compile()

    def run():
        nonlocal state, index
        state = jax.block_until_ready(step(state, *batches[index % len(batches)]))
        index += 1

    return run, lambda: state


def pulsed(job, data) -> Built:
    task = Task(job["network"], job["batch"], job["rate"], 0.0)
    x, y, parts = data["images"], data["labels"], range(0, len(data["labels"]) - task.batch + 1, task.batch)
    batches = [(jnp.asarray(x[i : i + task.batch]), jnp.asarray(y[i : i + task.batch])) for i in parts]
    first = jnp.asarray(x[: 4 * task.batch]), jnp.asarray(y[: 4 * task.batch])

    def trained(law, algorithm):
        """(a function that makes the next step, one that gives the loss of the first images now)."""
        run, state = steps(training(task, law, algorithm), batches)
        return run, lambda: float(loss(task, state(), *first))

    digital, digital_loss = trained(None, "")
    if job["variant"] == "digital":
        return Built(digital, loss=digital_loss)
    law, algorithm = job["preset"], job["variant"]
    if law == "tiki_taka_v2":
        law, algorithm = "reram_es", "tiki_taka_v2, 64 rows, sequential"
    run, run_loss = trained(mj.training.presets.named(law), algorithm)
    return Built(run, digital, loss=run_loss)


def loss(task, state, x, y):
    params, rest, _ = state
    logits = nnx.merge(nnx.graphdef(network(task.network)), params, rest)(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def wires(job, data) -> Built:
    g, v, ohm = jnp.asarray(data["conductance"]), jnp.asarray(data["voltage"]), job["ohm"]
    setting = mj.Wires(row=ohm, column=ohm)
    return Built(called(lambda g, v: mj.circuit.solve(g, v, setting).current, g, v), called(lambda g, v: v @ g, g, v))


if __name__ == "__main__":
    serve({"inference": forward, "training": pulsed, "wires": wires}, ("memjax", "jax", "flax"))
