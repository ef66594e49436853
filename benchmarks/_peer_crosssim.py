"""CrossSim's side of `peers.py`: networks on tiles, and one array with resistive wires.

Its ranges are static: inputs of a layer by their largest magnitude in the digital network on the benchmark's inputs,
currents by four standard deviations that independent weights and inputs would have.
"""

from _peer_torch import deviation, images, inference, matrices, network
from _peer_worker import Built, serve
from simulator import AnalogCore, CrossSimParameters
from simulator.algorithms.dnn.torch.convert import from_torch


def array(r_on: float, r_off: float) -> CrossSimParameters:
    """A pair of columns subtracted before the converter."""
    params = CrossSimParameters()
    params.core.style = "BALANCED"
    params.xbar.device.Rmin, params.xbar.device.Rmax = r_on, r_off
    return params


def setting(layer, x, tile: int, dac: int, adc: int) -> CrossSimParameters:
    """Parameters of one layer."""
    params = array(10e3, 100e3)
    params.core.rows_max = params.core.cols_max = tile
    top = float(x.abs().max())
    params.core.mapping.inputs.mvm.min, params.core.mapping.inputs.mvm.max = -top, top
    params.xbar.dac.mvm.model, params.xbar.dac.mvm.bits = "SignMagnitudeDAC", dac
    bound = 4 * deviation(layer, x, tile)
    params.xbar.adc.mvm.model, params.xbar.adc.mvm.bits = "QuantizerADC", adc
    params.xbar.adc.mvm.calibrated_range = [-bound, bound]
    return params


def forward(job, data) -> Built:
    x, model = images(data["x"]), network(job["layers"], data)
    rounded = network(job["layers"], data, levels=True)
    params = [setting(layer, y, job["tile"], job["dac"], job["adc"]) for _, layer, y in matrices(rounded, x)]
    return Built(
        inference(from_torch(rounded, params), x),
        inference(model, x),
        lambda: inference(from_torch(model, CrossSimParameters()), x)(),
        cannot=(
            "6 levels: powers of two only; the weights that they hold are given instead",
            "a range for each vector: static ones here",
        ),
    )


def wires(job, data) -> Built:
    """Cells relative to the largest: the negative column of the pair is left empty by an infinite on/off ratio."""
    conductance, voltage = data["conductance"].astype(float), data["voltage"].astype(float)
    top = conductance.max()
    params = array(1 / top, 1e30)
    params.xbar.device.infinite_on_off_ratio = True
    params.core.rows_max, params.core.cols_max = conductance.shape
    params.core.mapping.weights.percentile = None
    params.core.mapping.weights.min, params.core.mapping.weights.max = -top, top
    parasitics = params.xbar.array.parasitics
    parasitics.enable, parasitics.Rp_row, parasitics.Rp_col = True, job["ohm"], job["ohm"]
    params.simulation.Verr_th_mvm = 1e-6
    params.simulation.hide_convergence_msg = True
    core = AnalogCore(conductance.T, params)
    return Built(
        lambda: core.matvec(voltage),
        lambda: voltage @ conductance,
        cannot=("an exact solution: iterations until voltages change by less than 1e-6 of the input",),
    )


if __name__ == "__main__":
    serve({"inference": forward, "wires": wires}, ("CrossSim", "torch", "numpy"))
