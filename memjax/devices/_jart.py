"""JART VCM v1b: the oxygen vacancies in the disc of a valence-change cell."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from memjax._check import ordered, satisfies
from memjax._constants import BOLTZMANN
from memjax._field import parameter
from memjax.devices._base import AbstractDevice, Numeric, Preset, check_conductance
from memjax.devices._math import bounded_exp, increasing_root, positive_power

# CODATA 2018. Energies are in eV and concentrations in 1e26/m^3; what would leave the range of float32 on the way is
# multiplied out here, in double precision.
_CHARGE_DENSITY = 1.602176634e-19 * 1e26  # e x 1e26/m^3 [C/m^3]
_PERMITTIVITY = 8.8541878128e-12  # eps_0 [F/m]
# e^3 (1e26/m^3)/(8 pi^2 eps_0^3) [V^3]: the image-force lowering of the barrier
_LOWERING = (1.602176634e-19 / _PERMITTIVITY) ** 3 * 1e26 / (8 * math.pi**2)
# h/(4 pi) sqrt(1e26/m^3/(m_e eps_0)) [V]: the scale of the tunnelling energy W_00
_TUNNELLING = 6.62607015e-34 / (4 * math.pi) * math.sqrt(1e26 / (9.1093837015e-31 * _PERMITTIVITY))

_REFERENCE_RADIUS = 45e-9  # m: the radius r_det to which R_th refers
_RESET_COOLING = 0.27  # R_th for v > 0, relative to the one for v < 0
_LARGEST_FIELD = 0.999  # of the field at which the hopping barrier is gone
_SMALLEST_VOLTAGE = 1e-12  # V: below, the cell is linear


class JARTVCM(AbstractDevice):
    """Vacancy concentration N in a disc under a Schottky contact, moved by hopping that Joule heat accelerates.

        v = v_s + i (R_d + R_p + R_s),   R_d = l_d/(N e z mu_n A),   R_p = (l_cell - l_d)/(N_plug e z mu_n A)
        R_s = R_TiOx + R_0 (1 + R_0 alpha_line R_th_line i^2),   A = pi r^2
        T = T_0 + i (v_s + i (R_d + R_p)) R_th (45 nm/r)^2, for v > 0 times 0.27
        phi = phi_0 - [e^3 z N (phi_0 - phi_n - v_s)/(8 pi^2 eps_phi^3)]^(1/4) >= 0;   phi_0 for v_s > phi_0 - phi_n
        v < 0: i = -A (A* T/k) sqrt(pi W_00 (|v_s| + phi/cosh^2(W_00/kT))) exp(-phi/W_0) [exp(|v_s|/eps') - 1]
               W_00 = h/(4 pi) sqrt(z N/(m* eps)),   W_0 = W_00/tanh(W_00/kT),   eps' = W_00/(W_00/kT - tanh(W_00/kT))
        v > 0: i = A A* T^2 exp(-phi/kT) [exp(v_s/kT) - 1]
        dN/dt = -+ nu (a/l_d) (N_plug + N)/2 [exp(-W_min/kT) - exp(-W_max/kT)] F   (falling for v > 0)
               W_min, W_max = W_a [sqrt(1 - g^2) -+ g pi/2 + g asin g],   g = z a E/(pi W_a), at most 0.999
        v < 0: E = |i| R_d/l_d,   F = 1 - (N/N_max)^10
        v > 0: E = (v_s + i (R_d + R_p))/l_cell,   F = 1 - (N_min/N)^10

    State: ln(N/N_min)/ln(N_max/N_min); 0 is HRS, 1 is LRS. Polarity: a negative voltage is SET.
    The loop is solved for v_s by bisection. For v > 0 a well conducting cell can have three solutions, because the
    barrier returns where v_s reaches phi_0 - phi_n: one below that voltage, one at it and one above. The model takes
    the smallest v_s: it continues the only solution of small voltages and depends continuously on v and N, where the
    two others appear and vanish in pairs; of all it has the largest current and the barrier lowered.
    Source: Bengel et al., IEEE TCAS-I 67, 4618 (2020); equations and values second-hand, from the public Verilog-A of
    the JART-TUD library and a public C++ port of JART VCM v1b; not compared with the authors' own code (FZJ). Both
    directions run away thermally: integrate with method="pulses" or many substeps. Temperatures are not limited;
    at thousands of kelvin, beyond v = -1.9 V, the current of some states falls again with the voltage, and the model
    does not fit into `Series`.
    """

    n_max: Numeric = parameter(unit="1e26/m^3")
    """Largest vacancy concentration in the disc [1e26/m^3]."""
    n_min: Numeric = parameter(above=0.0, unit="1e26/m^3")
    """Smallest vacancy concentration in the disc [1e26/m^3]."""
    n_plug: Numeric = parameter(above=0.0, unit="1e26/m^3", default=20.0)
    """Vacancy concentration in the plug [1e26/m^3]."""
    richardson: Numeric = parameter(above=0.0, unit="A/(m^2 K^2)", default=6.01e5)
    """Richardson constant A* [A/(m^2 K^2)]."""
    mass: Numeric = parameter(above=0.0, unit="electron masses", default=1.0)
    """Effective mass m* of tunnelling electrons [electron masses]."""
    valence: Numeric = parameter(above=0.0, default=2.0)
    """Charge number z of a vacancy [1]."""
    ambient: Numeric = parameter(above=0.0, unit="K", default=293.0)
    """T_0 [K]."""
    eps: Numeric = parameter(above=0.0, default=17.0)
    """Relative permittivity [1]."""
    eps_phi: Numeric = parameter(above=0.0, default=5.5)
    """Relative permittivity of the image force at the contact [1]."""
    phi_0: Numeric = parameter(unit="eV", default=0.18)
    """Height of the bare Schottky barrier [eV]."""
    phi_n: Numeric = parameter(above=0.0, unit="eV", default=0.1)
    """Distance of the Fermi level to the conduction band [eV]."""
    mobility: Numeric = parameter(above=0.0, unit="m^2/(V s)", default=4e-6)
    """Electron mobility mu_n [m^2/(V s)]."""
    hop: Numeric = parameter(above=0.0, unit="m", default=0.25e-9)
    """Hopping distance a [m]."""
    attempts: Numeric = parameter(above=0.0, unit="1/s", default=2e13)
    """Attempt frequency nu [1/s]."""
    activation: Numeric = parameter(above=0.0, unit="eV", default=1.35)
    """Hopping barrier W_a [eV]."""
    r_th: Numeric = parameter(low=0.0, unit="K/W", default=15.72e6)
    """Thermal resistance at r = 45 nm and v < 0 [K/W]."""
    radius: Numeric = parameter(above=0.0, unit="m", default=_REFERENCE_RADIUS)
    """Radius r of the filament [m]."""
    l_cell: Numeric = parameter(unit="m", default=3e-9)
    """Length of the filament [m]."""
    l_disc: Numeric = parameter(above=0.0, unit="m", default=0.4e-9)
    """Length l_d of its disc [m]."""
    r_tiox: Numeric = parameter(above=0.0, unit="ohm", default=650.0)
    """Resistance of the TiOx layer [ohm]."""
    r_0: Numeric = parameter(low=0.0, unit="ohm", default=719.2437)
    """Resistance of the lines at T_0 [ohm]."""
    r_th_line: Numeric = parameter(low=0.0, unit="K/W", default=90471.47)
    """Thermal resistance of the lines [K/W]."""
    alpha_line: Numeric = parameter(low=0.0, unit="1/K", default=3.92e-3)
    """Temperature coefficient of the lines [1/K]."""
    initial: Numeric = parameter(low=0.0, high=1.0, default=0.0)
    """State from which `simulate` starts [1]."""
    read_voltage: Numeric = parameter(unit="V", default=-0.2)
    """Voltage at which `conductance` is taken, signed [V]."""

    def check_relations(self) -> None:
        ordered("JARTVCM", n_min=self.n_min, n_max=self.n_max)
        ordered("JARTVCM", phi_n=self.phi_n, phi_0=self.phi_0)
        ordered("JARTVCM", l_disc=self.l_disc, l_cell=self.l_cell)
        satisfies("JARTVCM.read_voltage", self.read_voltage, lambda v: v != 0, "non-zero")

    @classmethod
    def tud(cls, **changes) -> "JARTVCM":
        """Bounds of the JART-TUD library, starting at N = 0.008 x 1e26/m^3; second-hand."""
        constants: Preset = dict(n_max=22.0, n_min=0.004, initial=math.log(2) / math.log(5500))
        return cls(**constants | changes)

    @classmethod
    def port(cls, **changes) -> "JARTVCM":
        """Bounds of the C++ port, starting at N = 0.008 x 1e26/m^3; second-hand."""
        constants: Preset = dict(n_max=20.0, n_min=1e-4, initial=math.log(80) / math.log(2e5))
        return cls(**constants | changes)

    @property
    def set_polarity(self) -> int:
        return -1

    def concentration(self, state) -> Array:
        """Vacancy concentration N in the disc [1e26/m^3]."""
        return self.n_min * jnp.exp(self._span() * state)

    def current(self, state, voltage):
        return voltage * self._operating_point(state, voltage).conductance

    def derivative(self, state, voltage):
        point = self._operating_point(state, voltage)
        current = jnp.abs(voltage) * point.conductance
        r_disc, r_plug = self._filament(state)
        over_cell = jnp.abs(voltage) * point.share + current * (r_disc + r_plug)
        field = jnp.where(voltage < 0, current * r_disc / self.l_disc, over_cell / self.l_cell)
        tilt = jnp.minimum(self.valence * self.hop * field / (jnp.pi * self.activation), _LARGEST_FIELD)
        energy = self.activation / (BOLTZMANN * point.temperature)
        span = self._span()
        supply = 0.5 * (1 + self.n_plug / self.concentration(state))
        prefactor = jnp.log(self.attempts) + jnp.log(self.hop / self.l_disc * supply / span)
        lowest = jnp.sqrt(1 - tilt**2) + tilt * (jnp.arcsin(tilt) - 0.5 * jnp.pi)
        # F, written without the difference of powers near the bound that the state approaches.
        slowed = -jnp.expm1(-10 * span * jnp.where(voltage < 0, 1 - state, state))
        speed = -bounded_exp(prefactor - energy * lowest) * jnp.expm1(-jnp.pi * energy * tilt) * slowed
        return jnp.where(voltage < 0, speed, -speed)

    def temperature(self, state, voltage):
        return self._operating_point(state, voltage).temperature

    def conductance(self, state):
        return self.current(state, self.read_voltage) / self.read_voltage

    def state_at(self, conductance):
        check_conductance(self, conductance)
        shape = jnp.broadcast_shapes(jnp.shape(conductance), *(jnp.shape(leaf) for leaf in jax.tree.leaves(self)))
        scale = self.conductance(1.0)
        # Each evaluation solves the loop: few halvings, and the Newton step that ends them squares their error.
        state = increasing_root(
            lambda x: (self.conductance(x) - conductance) / scale, jnp.zeros(shape), jnp.ones(shape), iterations=24
        )
        return jnp.clip(state, 0, 1)

    def _span(self) -> Array:
        return jnp.log(self.n_max / self.n_min)

    def _filament(self, state) -> tuple[Array, Array]:
        """R_d and R_p [ohm]."""
        thickness = _CHARGE_DENSITY * self.valence * self.mobility * jnp.pi * self.radius**2
        r_disc = self.l_disc / (thickness * self.concentration(state))
        return r_disc, (self.l_cell - self.l_disc) / (thickness * self.n_plug)

    def _operating_point(self, state, voltage) -> "_Point":
        """The solution of the loop with the smallest v_s."""
        setting, forward = voltage < 0, voltage > 0
        magnitude = jnp.maximum(jnp.abs(voltage), _SMALLEST_VOLTAGE)
        charge = self.valence * self.concentration(state)
        filament = sum(self._filament(state))
        resistance = filament + self.r_tiox + self.r_0
        heating = self.r_0**2 * self.alpha_line * self.r_th_line / resistance**3
        bending = self.phi_0 - self.phi_n
        lowering = _LOWERING * charge / self.eps_phi**3
        tunnelling = _TUNNELLING * jnp.sqrt(charge / (self.mass * self.eps))
        emission = jnp.pi * self.radius**2 * self.richardson
        r_th = self.r_th * (_REFERENCE_RADIUS / self.radius) ** 2 * jnp.where(forward, _RESET_COOLING, 1.0)

        def resistors(share):
            """Current [A] through the resistors and T [K] if the contact takes this share of the voltage."""
            drop = magnitude * (1 - share)
            current = drop / resistance * _cubic_share(heating * drop**2)
            return current, self.ambient + current * (magnitude * share + current * filament) * r_th

        def excess(share):
            """Current of the contact less that of the resistors, relative to v/R."""
            current, temperature = resistors(share)
            thermal = BOLTZMANN * temperature
            across = magnitude * share
            barrier = self.phi_0 - positive_power(lowering * (bending + jnp.where(setting, across, -across)), 0.25)
            barrier = jnp.maximum(barrier, 0)
            ratio = tunnelling / thermal
            lost = _one_minus_tanhc(ratio)
            width = jnp.sqrt(jnp.pi * tunnelling * (across + barrier * (1 - (ratio * (1 - lost)) ** 2)))
            scale = emission * temperature * jnp.where(setting, width / BOLTZMANN, temperature)
            height, growth = jnp.where(setting, 1 - lost, 1.0) * barrier, jnp.where(setting, lost, 1.0) * across
            contact = scale * bounded_exp(-height / thermal) * jnp.expm1(jnp.minimum(growth / thermal, 60.0))
            return (contact - current) * (resistance / magnitude)

        like = jax.eval_shape(excess, magnitude)
        one = jnp.ones(like.shape, like.dtype)
        # Below phi_0 - phi_n the current of the contact first rises and then falls to that of the bare barrier.
        reach = jnp.where(forward, jnp.minimum(bending / magnitude, 1.0), 1.0) * one
        share = increasing_root(excess, 0 * one, one, iterations=44, reach=reach)
        current, temperature = resistors(share)
        return _Point(share, current / magnitude, temperature)


class _Point(NamedTuple):
    """A solution of the loop: v_s/v, i/v [S], T [K]."""

    share: Array
    conductance: Array
    temperature: Array


def _cubic_share(p: Numeric) -> Array:
    """The solution y of y + p y^3 = 1 for p >= 0: Cardano's formula, and a Newton step against its cancellation."""
    root = jnp.sqrt(3 * p + 1e-12)
    w = jnp.cbrt(1.5 * root + jnp.sqrt(1 + 2.25 * root**2))
    y = (w - 1 / w) / root
    return y - (y + p * y**3 - 1) / (1 + 3 * p * y**2)


def _one_minus_tanhc(x: Numeric) -> Array:
    """1 - tanh(x)/x for x > 0; below 1 by the continued fraction of tanh, which has no cancellation."""
    small = x < 1
    square = jnp.where(small, x, 1.0) ** 2
    rest = square / 15
    for odd in (13, 11, 9, 7, 5, 3):
        rest = square / (odd + rest)
    return jnp.where(small, rest / (1 + rest), 1 - jnp.tanh(x) / x)
