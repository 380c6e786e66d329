"""234Th fluxes: closed forms, published cases of error propagation, properties that hold for any cast."""

import gsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaofcarbon import thorium
from seaofcarbon.vocabulary import U238_RELATIONS

LAMBDA = np.log(2) / 24.10


def flux(depth, deficit, target, u=2400.0, **options):
    """Flux of one cast from its deficit in dpm m-3."""
    depth, deficit = np.asarray(depth, dtype=float), np.asarray(deficit, dtype=float)
    return thorium.steady_state_flux(
        depth, u - deficit, np.full(len(depth), u), np.zeros(len(depth), int), target, **options
    )


def reasons(found):
    """Words for the reasons of the first cast."""
    return [thorium.REASONS[r] for r in found.reason[0]]


# --- Closed forms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("depth", "deficit", "target", "expected"),
    [
        ([0, 50, 100, 150], [500] * 4, 100, 1438.0646899583926),
        ([0, 100], [1000, 0], 100, 1438.0646899583926),
        ([10, 50, 100], [800, 400, 0], 100, 1207.9743395650498),
        ([10, 50, 100], [800, 400, 0], 75, 1136.0711050671302),
        ([0, 100, 200], [500, 0, -100], 200, 575.2258759833571),
        ([10, 50], [800, 400], 4, LAMBDA * 800 * 4),
        ([10, 50], [800, 400], 0, 0.0),
    ],
)
def test_closed_forms(depth, deficit, target, expected):
    """Trapezoids by hand: constant, linear, first sample extended to 0 m, target between samples, excess."""
    assert flux(depth, deficit, target).flux[0, 0] == pytest.approx(expected, rel=1e-9)


def test_non_steady_layer():
    """One layer between two occupations, by hand; the steady state with the second one would be 2588.5."""
    assert thorium.non_steady_layer(2400, 1800, 1500, 20, 100) == pytest.approx(3698.2313249699805, rel=1e-12)
    assert thorium.non_steady_layer(2400, 1500, 1500, 20, 100) == pytest.approx(2588.516, rel=1e-6)


def test_layers_and_their_variance():
    """Layers of 30, 45 and 25 m, and the variances that the GP15 thorium model of P. W. Davidson tests against."""
    depth, options = [10, 50, 100], {"rule": "layers", "half_life_d": 24.101, "th_sigma": 0.2, "u_sigma": 0.1}
    found = flux(depth, [3, 2, 1], [30, 75, 100], **options)
    expected = np.log(2) / 24.101 * np.cumsum([30 * 3, 45 * 2, 25 * 1])
    np.testing.assert_allclose(found.flux[0], expected, rtol=1e-9)
    variance = [0.03722145196383147, 0.12096971888245228, 0.1468179494128908]
    np.testing.assert_allclose(found.sigma_measurement[0] ** 2, variance, rtol=1e-9)


def test_variance_with_upwelling():
    """The same cast with the supply by upwelling and the errors of its velocity and gradient."""
    velocity, gradient, decay = np.array([0.001, 0.002, 0.003]), np.array([0.01, 0.02, 0.015]), np.log(2) / 24.101
    sigma = np.hypot(gradient * 0.0001, velocity * 0.001)
    supply = decay * np.array([3, 2, 1]) + velocity * gradient
    found = thorium.integrate([10, 50, 100], supply, [0, 0, 0], [30, 75, 100],
                              variance=decay**2 * (0.2**2 + 0.1**2) + sigma**2, rule="layers")  # fmt: skip
    variance = [0.037221453763831465, 0.12096973688245227, 0.1468179744441408]
    np.testing.assert_allclose(found.variance[0], variance, rtol=1e-9)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("owens2011", [1.257, 2.043, 2.2788, 2.3574, 2.436, 2.7111]),
        ("pates_muir2007", [1.426, 2.139, 2.3529, 2.4242, 2.4955, 2.74505]),
        ("chen1986", [1.4162, 2.1243, 2.33673, 2.40754, 2.47835, 2.726185]),
    ],
)
def test_uranium_from_salinity(relation, expected):
    """238U by each relation, from fresh to Mediterranean water."""
    np.testing.assert_allclose(thorium.u238_from_salinity([20, 30, 33, 34, 35, 38.5], relation), expected, rtol=1e-12)


def test_chen1986_lies_within_what_its_abstract_says():
    """Its uranium, 3.162 to 3.281 ng g-1 at a salinity of 35, as activity per litre of sea water at 4 to 25 C.

    The decay constant of 238U (1.5513e-10 per year) and its molar mass turn grams into decays per minute. Taken per
    kilogram, the slope would lie outside.
    """
    dpm_per_g = 1.5513e-10 / (365.25 * 24 * 60) * 6.02214076e23 / 238.0508
    per_kg = np.array([3.162e-9, 3.281e-9]) * dpm_per_g * 1000
    low, high = per_kg * gsw.rho_t_exact(35.165, np.array([25.0, 4.0]), 0) / 1000
    assert low < thorium.u238_from_salinity(35.0, "chen1986") < high
    assert thorium.u238_from_salinity(35.0, "chen1986") > per_kg[1]


def test_unknown_names_are_refused():
    """A mistyped relation or rule is an error that lists the right ones."""
    with pytest.raises(ValueError, match="owens2011"):
        thorium.u238_from_salinity(35, "owen2011")
    with pytest.raises(ValueError, match="trapezoid"):
        flux([0, 100], [1, 1], 50, rule="trapeze")


# --- Sigma -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", thorium.RULES)
def test_sigma_against_monte_carlo(rule):
    """Noise on the samples spreads the flux by the sigma that is stated, also where the target is interpolated."""
    rng = np.random.default_rng(1)
    depth, n = np.array([5.0, 25, 60, 110, 180]), 20000
    sigma = np.array([40.0, 60, 50, 80, 30])
    deficit = np.array([900.0, 800, 500, 100, -50]) + sigma * rng.standard_normal((n, 5))
    found = thorium.steady_state_flux(
        np.tile(depth, n), 2400 - deficit.ravel(), np.full(5 * n, 2400.0), np.repeat(np.arange(n), 5),
        [3, 60, 75, 100, 180], th_sigma=np.tile(sigma, n), rule=rule,
    )  # fmt: skip
    np.testing.assert_allclose(found.flux.std(axis=0), found.sigma_measurement[0], rtol=0.02)


def test_integration_error_against_monte_carlo():
    """Changes that lie anywhere between the bottles spread the true flux by the sigma that is stated."""
    rng = np.random.default_rng(3)
    depth, deficit = np.array([0.0, 40, 100]), np.array([900.0, 400, 0])
    targets, fine, n = np.array([25.0, 40, 70, 100]), np.linspace(0, 100, 2001), 3000
    share = thorium.TRANSITION
    true = np.zeros((n, len(fine)))
    for z, width, change in ((0.0, 40.0, -500.0), (40.0, 60.0, -400.0)):
        start = z + rng.uniform(0, (1 - share) * width, (n, 1))
        true += change * np.clip((fine - start) / (share * width), 0, 1)
    below = LAMBDA * np.cumsum(900 + true, axis=1) * (fine[1] - fine[0])
    spread = below[:, np.searchsorted(fine, targets)].std(axis=0)
    found = flux(depth, deficit, targets, th_sigma=0.0).sigma_integration[0]
    np.testing.assert_allclose(found[[1, 3]], spread[[1, 3]], rtol=0.04)  # at the bottles it is exact
    np.testing.assert_allclose(found, spread, rtol=0.35)  # between them the form of a sharp step is used, scaled


def test_integration_error_of_a_layer_against_monte_carlo():
    """Between two depths only what is between them counts; at the bottles the parts add up as squares."""
    rng = np.random.default_rng(4)
    depth, deficit = np.array([0.0, 40, 100]), np.array([900.0, 400, 0])
    fine, n = np.linspace(0, 100, 2001), 4000
    true = np.full((n, len(fine)), 900.0)
    for z, width, change in ((0.0, 40.0, -500.0), (40.0, 60.0, -400.0)):  # sharp steps, scaled below
        true += change * (fine > z + rng.uniform(0, width, (n, 1)))
    below = LAMBDA * np.cumsum(true, axis=1) * (fine[1] - fine[0])
    start, targets = np.array([0.0, 20, 20, 40, 50]), np.array([100.0, 100, 30, 100, 70])
    spread = (below[:, np.searchsorted(fine, targets)] - below[:, np.searchsorted(fine, start)]).std(axis=0)
    found = flux(depth, deficit, targets, start=start, th_sigma=0.0).sigma_integration[0]
    np.testing.assert_allclose(found, (1 - thorium.TRANSITION) * spread, rtol=0.05)


def test_integration_error_is_none_where_nothing_changes():
    """A constant deficit, or changes that are all noise, leave nothing between the bottles."""
    assert flux([0, 50, 100], [500, 500, 500], 100).sigma_integration[0, 0] == 0
    assert flux([0, 50, 100], [500, 520, 490], 100, th_sigma=50.0).sigma_integration[0, 0] == 0


def test_common_error_adds_linearly():
    """0.047 dpm L-1 in the 238U relation is 135 dpm m-2 d-1 per 100 m, however many bottles there are."""
    for depth in ([0, 100], np.linspace(0, 100, 30)):
        found = flux(depth, np.ones(len(depth)), 100, th_sigma=0.0, u_common_sigma=47.0)
        assert found.sigma_common[0, 0] == pytest.approx(135.18, abs=0.01) and found.sigma_measurement[0, 0] == 0


def test_covariance_against_monte_carlo():
    """Fluxes at two depths share samples: their covariance is what the noise says."""
    rng = np.random.default_rng(2)
    depth, n, sigma = np.array([5.0, 25, 60, 110, 180]), 40000, 50.0
    th = 1800 + sigma * rng.standard_normal((n, 5))
    cast = np.repeat(np.arange(n), 5)
    upper, lower = np.array([40.0, 70, 70, 90]), np.array([70.0, 70, 90, 150])
    args = np.tile(depth, n), th.ravel(), np.full(5 * n, 2400.0), cast
    f = thorium.steady_state_flux(*args, np.concatenate([upper, lower])).flux
    found = thorium.flux_covariance(*args, upper, lower, th_sigma=sigma)[0]
    expected = [np.cov(f[:, i], f[:, i + 4])[0, 1] for i in range(4)]
    np.testing.assert_allclose(found, expected, rtol=0.05)


@pytest.mark.parametrize("rule", thorium.RULES)
@pytest.mark.parametrize("interval", [np.inf, 20.0])
def test_transport_sigma_against_monte_carlo(rule, interval):
    """The noise of a bottle acts on deficit and supply together, also between bottles and near the ends."""
    rng = np.random.default_rng(5)
    depth, n = np.array([5.0, 25, 60, 110, 180]), 20000
    sigma, targets = np.array([40.0, 60, 50, 80, 30]), [3, 15, 40, 75, 100, 180]
    th = 2000 + sigma * rng.standard_normal((n, 5))
    cast, gain = np.repeat(np.arange(n), 5), 1 / (1 - np.exp(-LAMBDA * interval))
    args = np.tile(depth, n), th.ravel(), np.full(5 * n, 2400.0), cast, targets
    options = {"th_sigma": np.tile(sigma, n), "rule": rule}
    if np.isinf(interval):
        found = thorium.steady_state_flux(*args, **options)
    else:
        first = args[0][:5], np.full(5, 2000.0), np.zeros(5), np.arange(5) * 0
        one = [np.tile(part, n) for part in first[:3]]
        found = thorium.non_steady_flux(
            (*one, cast), (*args[:2], np.tile(sigma, n), cast, args[2], 0 * args[2]), interval, targets, rule=rule
        )
        assert gain > 2
    found = thorium.add_transport(found, *args, velocity=1.5, diffusivity=60.0, interval_d=interval, **options)
    np.testing.assert_allclose(found.flux.std(axis=0), found.sigma_measurement[0], rtol=0.03)


def test_missing_sigma_has_a_reason_and_hits_only_its_depths():
    """A bottle without sigma takes sigma from the fluxes that it bears on; the flux itself stays."""
    found = flux([10, 50, 100], [800, 400, 0], [30, 50, 80], th_sigma=[50, 50, np.nan])
    assert np.isfinite(found.flux).all() and reasons(found) == ["", "", "no sigma of 234Th or 238U"]
    np.testing.assert_array_equal(np.isnan(found.sigma_measurement[0]), [False, False, True])


# --- Upwelling and diffusion -----------------------------------------------------------------------------------


def with_transport(depth, th, targets, **rates):
    """Flux of one cast with a supply, less that without."""
    depth, th = np.asarray(depth, dtype=float), np.asarray(th, dtype=float)
    args = depth, th, np.full(len(th), 2400.0), np.zeros(len(th), int), targets
    before = thorium.steady_state_flux(*args, th_sigma=0.0)
    after = thorium.add_transport(before, *args, th_sigma=0.0, **rates)
    return after.flux[0] - before.flux[0], after


def test_transport_is_exact_for_a_line_and_a_parabola():
    """Water that rises through z brings w [Th(z) - Th(0)], mixing brings Kz Th'(z); nothing crosses the surface.

    Exact for a line and a parabola, also between bottles; there is no supply above the first one, where Th is constant.
    """
    depth, targets = np.array([0.0, 10, 35, 80, 100, 190]), np.array([0.0, 7, 35, 90, 190])
    gained, _ = with_transport(depth, 1500 + 4 * depth, targets, velocity=0.5)
    np.testing.assert_allclose(gained, 0.5 * 4 * targets, rtol=1e-12)
    gained, _ = with_transport(depth, 1500 + 4 * depth - 0.01 * depth**2, targets, diffusivity=0.864)
    np.testing.assert_allclose(gained, np.where(targets > 0, 0.864 * (4 - 0.02 * targets), 0), rtol=1e-9)
    gained, _ = with_transport([20, 60, 100], [1600, 1800, 2000], [10, 20, 40, 100], diffusivity=86.4)
    np.testing.assert_allclose(gained, [0, 0, 86.4 * 5, 86.4 * 5], rtol=1e-9)
    gained, _ = with_transport([20, 60, 100], [1500, 1700, 2400], [10, 20, 60], velocity=1.0)
    np.testing.assert_allclose(gained, [0, 0, 200])


def test_errors_of_rates_are_shared_by_the_cast():
    """A velocity of 1 +- 0.3 m d-1 over a rise of 400 dpm m-3 is 400 +- 120, beside the error of the 238U relation."""
    depth, th = [0, 50, 100], [1600, 1700, 2000]
    gained, found = with_transport(depth, th, [100], velocity=1.0, velocity_sigma=0.3)
    assert gained[0] == pytest.approx(400) and found.sigma_common[0, 0] == pytest.approx(120)
    gained, found = with_transport(depth, th, [100], diffusivity_sigma=10.0)  # the slope at 100 m is 8
    assert gained[0] == 0 and found.sigma_common[0, 0] == pytest.approx(80)


def test_transport_needs_a_rate_and_three_samples():
    """Two samples have no curvature; a rate that is missing gives no flux."""
    for depth, rates in (([0, 100], {"diffusivity": 1.0}), ([0, 50, 100], {"velocity": np.nan})):
        _, found = with_transport(depth, [1500] * len(depth), [80], **rates)
        assert np.isnan(found.flux).all() and "no rate" in reasons(found)[0]
    assert np.isfinite(with_transport([0, 100], [1500, 1500], [80], velocity=1.0)[0]).all()


# --- What is missing says why -------------------------------------------------------------------------------


def test_never_below_the_last_sample():
    """No extrapolation, not by a metre."""
    found = flux([10, 100], [500, 500], [100, 101])
    assert reasons(found)[1] == "below the last sample" and np.isnan(found.flux[0, 1]) and np.isfinite(found.flux[0, 0])


def test_missing_fluxes_carry_their_reason():
    """No sample, too few, no 238U at all, no 238U deep down, no target."""
    nan, depth = np.nan, np.array([10, 50, 100.0])
    th = np.array([1900, 1900, 1900, 1900, nan, nan, 1900, 1900, 1900, 1900, 1900, 1900])
    u = np.array([2400, 2400, 2400, 2400, 2400, 2400, nan, nan, nan, 2400, 2400, nan])
    found = thorium.steady_state_flux(
        np.tile(depth, 4), th, u, np.repeat([0, 1, 2, 4], 3), [nan, 80.0], th_sigma=1.0, min_samples=2
    )
    words = [[thorium.REASONS[r] for r in row] for row in found.reason]
    assert words == [
        ["no target depth", ""], ["too few samples"] * 2, ["no 238U"] * 2, ["no sample"] * 2,
        ["no target depth", "no 238U"],
    ]  # fmt: skip
    np.testing.assert_array_equal(np.isnan(found.flux), np.array(words) != "")


def test_nothing_in_nothing_out():
    """Casts without samples give missing fluxes, not an error."""
    found = thorium.steady_state_flux([], [], [], np.array([], int), [50.0, 100.0], n_casts=2)
    assert found.flux.shape == (2, 2) and np.isnan(found.flux).all()
    assert np.isnan(thorium.equilibrium_depth([], [], [], np.array([], int), n_casts=1)).all()


def test_replicates_are_averaged():
    """Two bottles at one depth count as their mean, with the variance of a mean."""
    twice = flux([10, 10, 50], [700, 900, 400], 50, th_sigma=[30, 50, 20])
    once = flux([10, 50], [800, 400], 50, th_sigma=[np.hypot(30, 50) / 2, 20])
    np.testing.assert_allclose(twice.flux, once.flux)
    np.testing.assert_allclose(twice.sigma_measurement, once.sigma_measurement)


def test_gap_is_the_widest_on_the_way_down():
    """A wide gap above the target is told; one below it is not."""
    found = flux([30, 50, 120, 400], [1] * 4, [10, 40, 110, 120, 300])
    np.testing.assert_array_equal(found.gap[0], [30, 30, 70, 70, 280])


# --- Properties ---------------------------------------------------------------------------------------------


@st.composite
def casts(draw, min_size=2):
    """A few ragged casts: depths (distinct within a cast), 234Th and 238U in dpm m-3, cast index."""
    parts = []
    for i in range(draw(st.integers(1, 3))):
        depth = draw(st.lists(st.integers(0, 4000), min_size=min_size, max_size=12, unique=True))
        th = draw(st.lists(st.floats(0, 4000), min_size=len(depth), max_size=len(depth)))
        u = draw(st.lists(st.floats(1500, 3000), min_size=len(depth), max_size=len(depth)))
        parts.append((np.array(depth) / 10, th, u, np.full(len(depth), i)))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


TARGETS = np.array([0.0, 5, 33, 100, 150, 250])
same = {"rtol": 1e-9, "atol": 1e-6}
fast = settings(max_examples=50, deadline=None)


@fast
@given(casts(), st.sampled_from(thorium.RULES))
def test_shuffling_changes_nothing(cast, rule):
    """The order of the samples in the file means nothing."""
    order = np.random.default_rng(0).permutation(len(cast[0]))
    a = thorium.steady_state_flux(*cast, TARGETS, rule=rule, th_sigma=cast[1] / 20)
    b = thorium.steady_state_flux(*(c[order] for c in cast), TARGETS, rule=rule, th_sigma=cast[1][order] / 20)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, **same)


@fast
@given(casts(), st.sampled_from(thorium.RULES))
def test_casts_do_not_know_of_each_other(cast, rule):
    """A cast alone gives what it gives among others."""
    together = thorium.steady_state_flux(*cast, TARGETS, rule=rule).flux
    one = cast[3] == 0
    alone = thorium.steady_state_flux(*(c[one] for c in cast), TARGETS, rule=rule).flux
    np.testing.assert_allclose(together[0], alone[0], **same)


@fast
@given(casts(), st.sampled_from(thorium.RULES))
def test_equilibrium_gives_no_flux(cast, rule):
    """Where 234Th equals 238U nothing sinks, with its sign kept."""
    depth, _, u, index = cast
    found = thorium.steady_state_flux(depth, u, u, index, TARGETS, rule=rule).flux
    assert (np.isnan(found) | (found == 0)).all()


@fast
@given(casts(), st.floats(0.01, 100), st.sampled_from(thorium.RULES))
def test_flux_scales_with_activity(cast, factor, rule):
    """Twice the activities, twice the flux."""
    depth, th, u, index = cast
    a = thorium.steady_state_flux(depth, th, u, index, TARGETS, rule=rule).flux
    b = thorium.steady_state_flux(depth, th * factor, u * factor, index, TARGETS, rule=rule).flux
    np.testing.assert_allclose(b, a * factor, rtol=1e-8, atol=1e-4)


@fast
@given(casts())
def test_flux_is_additive_over_depth(cast):
    """The flux gained between two depths is the integral of what lies between them."""
    depth, th, u, index = cast
    fine = np.arange(2501) / 10  # the bottles stand at whole decimetres
    f = thorium.steady_state_flux(depth, th, u, index, fine).flux[0]
    one = index == 0
    order = np.argsort(depth[one])
    deficit = np.interp(fine, depth[one][order], (u - th)[one][order])
    gained = LAMBDA * np.cumsum((deficit[1:] + deficit[:-1]) / 2 * np.diff(fine))
    known = np.isfinite(f[1:])
    np.testing.assert_allclose(f[1:][known], gained[known], rtol=1e-8, atol=1e-4)


@fast
@given(casts(), st.sampled_from(thorium.RULES))
def test_layers_add_up(cast, rule):
    """What the flux gains from 33 to 100 m is the difference of the two, and its variance that of the difference."""
    sigma, upper, lower = cast[1] / 20, [33.0, 33, 0, 100], [100.0, 33, 100, 33]
    options = {"th_sigma": sigma, "u_common_sigma": 47.0, "rule": rule}
    layer = thorium.steady_state_flux(*cast, lower, start=upper, **options)
    at = thorium.steady_state_flux(*cast, [33.0, 100.0], **options)
    np.testing.assert_allclose(layer.flux[:, 0], at.flux[:, 1] - at.flux[:, 0], rtol=1e-8, atol=1e-4)
    np.testing.assert_allclose(layer.sigma_common[:, 0], np.diff(at.sigma_common)[:, 0], rtol=1e-9, atol=1e-9)
    for part in ("flux", "sigma_measurement", "sigma_common", "sigma_integration"):
        np.testing.assert_allclose(getattr(layer, part)[:, 2], getattr(at, part)[:, 1], rtol=1e-8, atol=1e-4)
    covariance = thorium.flux_covariance(*cast, 33.0, 100.0, th_sigma=sigma, rule=rule)
    square = (at.sigma_measurement**2).sum(axis=1) - 2 * covariance[:, 0]
    np.testing.assert_allclose(layer.sigma_measurement[:, 0] ** 2, square, rtol=1e-6, atol=1e-2)
    assert np.isnan(layer.flux[:, 3]).all() and (layer.flux[np.isfinite(layer.flux[:, 1]), 1] == 0).all()


@fast
@given(casts(), st.floats(0.05, 0.95))
def test_a_sample_on_the_line_changes_nothing(cast, share):
    """Trapezoid: a bottle on the straight line between two others tells nothing new."""
    depth, th, u, index = cast
    i, j = np.flatnonzero(index == 0)[np.argsort(depth[index == 0])][:2]
    between = [c[i] + share * (c[j] - c[i]) for c in (depth, th, u)]
    more = [np.append(c, b) for c, b in zip((depth, th, u), between, strict=True)]
    a = thorium.steady_state_flux(*cast, TARGETS).flux
    b = thorium.steady_state_flux(*more, np.append(index, 0), TARGETS).flux
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-4)


@fast
@given(casts(), st.floats(1, 400))
def test_equal_occupations_are_a_steady_state(cast, days):
    """Nothing changed between the visits: non-steady equals steady, after any time."""
    depth, th, u, index = cast
    interval = np.full(index.max() + 1, days)
    sigma = np.ones(len(th))
    found = thorium.non_steady_flux((depth, th, sigma, index), (depth, th, sigma, index, u, 0 * u), interval, TARGETS)
    np.testing.assert_allclose(found.flux, thorium.steady_state_flux(*cast, TARGETS).flux, rtol=1e-9, atol=1e-5)


@fast
@given(casts(), st.floats(0, 2))
def test_non_steady_forgets_the_first_occupation(cast, factor):
    """After many mean lives it does not matter what was there before."""
    depth, th, u, index = cast
    interval = np.full(index.max() + 1, 900.0)
    found = thorium.non_steady_flux(
        (depth, factor * th, 0 * th, index), (depth, th, 0 * th, index, u, 0 * u), interval, TARGETS
    )
    np.testing.assert_allclose(found.flux, thorium.steady_state_flux(*cast, TARGETS).flux, rtol=1e-6, atol=1e-3)


# --- Two occupations, equilibrium depth, gaps ----------------------------------------------------------------


def two_visits(days, depth=(0.0, 100.0)):
    """The layer case as two casts of two bottles."""
    depth, one = np.array(depth), np.ones(len(depth))
    first = (depth, 1800 * one, 40 * one, np.zeros(len(depth), int))
    second = (depth, 1500 * one, 30 * one, np.zeros(len(depth), int), 2400 * one, 20 * one)
    return thorium.non_steady_flux(first, second, [days], [100.0, 150.0])


def test_non_steady_flux_of_one_layer():
    """Two casts of constant activity are the layer case, with its variance."""
    found = two_visits(20)
    assert found.flux[0, 0] == pytest.approx(3698.2313249699805, rel=1e-9)
    assert reasons(found) == ["", "below the last sample"]
    e = np.exp(-20 * LAMBDA)
    variance = 2 * (LAMBDA * 50) ** 2 * (20**2 + (40**2 * e**2 + 30**2) / (1 - e) ** 2)
    assert found.sigma_measurement[0, 0] ** 2 == pytest.approx(variance, rel=1e-9)


def test_non_steady_tends_to_steady():
    """After many mean lives the first visit is forgotten."""
    assert two_visits(1000).flux[0, 0] == pytest.approx(LAMBDA * 900 * 100, rel=1e-9)


def test_equilibrium_depth_is_the_first_downward_crossing():
    """An excess at the surface does not count, a second deficit neither; no crossing is missing."""
    depth = np.tile([0.0, 50, 100, 150, 200], 3)
    deficit = np.array([-10, 100, -100, 50, -50, 10, 20, 30, 40, 50, 5, 5, 5, 0, -5])
    found = thorium.equilibrium_depth(depth, 2400 - deficit, np.full(15, 2400.0), np.repeat([0, 1, 2], 5))
    np.testing.assert_allclose(found, [75, np.nan, 150])


def test_small_gaps_are_filled_within_the_cast():
    """Salinity between two bottles is interpolated, beyond the ends held, across wide gaps or other casts never."""
    depth = np.array([10.0, 20, 40, 50, 400, 10, 20])
    salinity = np.array([np.nan, 35.0, np.nan, 35.3, np.nan, np.nan, np.nan])
    cast = np.array([0, 0, 0, 0, 0, 1, 1])
    np.testing.assert_allclose(thorium.fill_gaps(depth, salinity, cast), [35, 35, 35.2, 35.3, np.nan, np.nan, np.nan])


def test_flux_cannot_exceed_the_supply():
    """With no 234Th at all the flux at 100 m is lambda times the 238U inventory, about 7,000 dpm m-2 d-1."""
    u = 1000 * thorium.u238_from_salinity(35.0)
    assert flux([0, 100], [u, u], 100, u=u).flux[0, 0] == pytest.approx(7006, abs=1)


def test_residence_time_and_deficit():
    """In steady state inventory over flux is the residence time, and flux over lambda is the deficit."""
    assert thorium.residence_time(150000.0, 1500.0) == 100 and np.isnan(thorium.residence_time(1.0, 0.0))
    assert thorium.deficit_inventory(flux([0, 100], [500, 500], 100).flux[0, 0]) == pytest.approx(50000)


def test_relations_differ_by_what_the_field_knows():
    """Owens against Pates & Muir at S = 35: 2.4 %, 171 dpm m-2 d-1 per 100 m."""
    owens, pates = (thorium.u238_from_salinity(35.0, r) for r in ("owens2011", "pates_muir2007"))
    assert LAMBDA * (pates - owens) * 1e5 == pytest.approx(171, abs=0.5)
    assert all(r.source for r in U238_RELATIONS.values())


# --- Numbers that would spoil others ------------------------------------------------------------------------------


def test_close_bottles_at_the_top_do_not_blow_up_sigma():
    """A second bottle 10 cm below the first says nothing more of the 20 m above than one 10 m below."""

    def sigma(width):
        deficit = [800, 650, 600, 0]
        return flux([20, 20 + width, 60, 100], deficit, 80, th_sigma=50).sigma_integration[0, 0]

    assert sigma(0.1) < 1.5 * sigma(10.0)


def test_an_infinite_sigma_is_unknown_and_stays_in_its_cast():
    """Casts are summed on one axis: what is odd in one must not reach the next."""
    depth, cast = [10, 50, 100] * 2, [0] * 3 + [1] * 3
    args = depth, [1500] * 6, [2400] * 6, cast, [80]
    calm = thorium.steady_state_flux(*args, th_sigma=50.0)
    odd = thorium.steady_state_flux(*args, th_sigma=[50, np.inf, 50, 50, 50, 50])
    assert np.isnan(odd.sigma_measurement[0, 0]) and thorium.REASONS[odd.reason[0, 0]].startswith("no sigma")
    assert odd.sigma_measurement[1, 0] == calm.sigma_measurement[1, 0]


def test_unknown_sigma_counts_where_mixing_uses_it():
    """The slope at 100 m needs the bottle at 150 m: without its sigma there is no sigma at 100 m."""
    args = [0, 50, 100, 150], [1500, 1600, 1800, 2000], [2400] * 4, [0] * 4, [100]
    sigmas = [50, 50, 50, np.nan]
    before = thorium.steady_state_flux(*args, th_sigma=sigmas)
    after = thorium.add_transport(before, *args, th_sigma=sigmas, diffusivity=50.0)
    assert np.isfinite(before.sigma_measurement).all() and np.isnan(after.sigma_measurement).all()
    assert np.isfinite(after.flux).all() and reasons(after) == ["no sigma of 234Th or 238U"]


def test_equilibrium_is_never_below_the_last_sample():
    """Rounding must not put the crossing an ulp below the bottle that it is at."""
    rng = np.random.default_rng(4)
    z = np.cumsum(rng.uniform(1, 60, (4, 3000)), axis=0)
    deficit = np.vstack([rng.uniform(0.01, 1, (3, 3000)), np.zeros((1, 3000))])
    cast = np.broadcast_to(np.arange(3000), z.shape)
    found = thorium.equilibrium_depth(z.ravel(), -deficit.ravel(), 0 * z.ravel(), cast.ravel())
    np.testing.assert_array_less(found, np.nextafter(z[-1], np.inf))


@pytest.mark.parametrize(
    "call",
    [
        lambda: thorium.decay_constant(-1.0),
        lambda: flux([0, 1e20], [1, 1], 50),
        lambda: thorium.non_steady_flux(([0], [1], [1], [0]), ([0], [1], [1], [0], [1], [1]), [-20.0], 0.0),
        lambda: thorium.integrate([0, 1], [1, 1], [-1, 0], 1),
    ],
)
def test_impossible_numbers_are_refused(call):
    """Negative half-lives, intervals and casts, and a depth below all seas."""
    with pytest.raises(ValueError):
        call()


def test_casts_may_be_numbered_by_unsigned_integers():
    """Labels as other libraries make them."""
    found = thorium.integrate([0, 10], [1, 1], np.array([0, 0], dtype=np.uint16), 10)
    assert found.value[0, 0] == 10
