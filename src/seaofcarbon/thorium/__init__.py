"""234Th and 238U: fluxes by the balance dTh/dt = lambda (U - Th) - dP/dz + V. Arrays only.

Activities are in dpm m-3 (1 dpm L-1 = 1000 dpm m-3), depths in m positive down, fluxes in dpm m-2 d-1, positive down.
Samples of many casts stand in flat arrays (n,); `cast` (n,) says to which cast, 0 .. n_casts - 1, each belongs. Their
order does not matter. A flux is a weighted sum of samples, so its value, its variance and its covariance with the flux
at another depth all follow from one set of weights: see `integrals.weights_to`.
"""

from seaofcarbon.thorium.integrals import REASONS, RULES, SHORTEST_STEP_M, TRANSITION, Integral, integrate
from seaofcarbon.thorium.non_steady import non_steady_flux, non_steady_layer
from seaofcarbon.thorium.profile import deficit_inventory, equilibrium_depth, fill_gaps, residence_time
from seaofcarbon.thorium.steady import Flux, decay_constant, deepest, flux_covariance, steady_state_flux
from seaofcarbon.thorium.transport import add_transport
from seaofcarbon.thorium.uranium import u238_from_salinity

__all__ = [
    "Flux",
    "Integral",
    "REASONS",
    "RULES",
    "SHORTEST_STEP_M",
    "TRANSITION",
    "add_transport",
    "decay_constant",
    "deepest",
    "deficit_inventory",
    "equilibrium_depth",
    "fill_gaps",
    "flux_covariance",
    "integrate",
    "non_steady_flux",
    "non_steady_layer",
    "residence_time",
    "steady_state_flux",
    "u238_from_salinity",
]
