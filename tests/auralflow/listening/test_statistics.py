import itertools
import math

import numpy as np
import pytest
from scipy import stats

from auralflow.listening.statistics import holm, mean_interval, median_interval, paired_p, student_cdf, student_quantile

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 19, 200])
def test_students_distribution_is_scipys(freedom):
    for t in (-40.0, -2.5, 0.0, 0.3, 1.0, 12.0):
        assert student_cdf(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), abs=1e-12)
    for share in (0.6, 0.975, 0.9995):
        assert student_quantile(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=1e-9)


@pytest.mark.parametrize("listeners", [2, 3, 20])
def test_means_and_paired_tests_are_scipys(listeners):
    first, second = RNG.uniform(0, 100, (2, listeners))
    low, high = stats.t.interval(0.95, listeners - 1, first.mean(), stats.sem(first))
    assert mean_interval(first) == pytest.approx((first.mean(), low, high))
    assert paired_p(first - second) == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_the_medians_interval_is_that_of_all_draws_of_listeners():
    ratings = np.array([[10, 30], [40, 45], [70, 95], [52, 60]])
    medians = [np.median(ratings[list(drawn)]) for drawn in itertools.product(range(4), repeat=4)]
    value, *ends = median_interval(ratings)
    assert value == np.median(ratings) and ends == list(np.quantile(medians, [0.025, 0.975]))
    assert median_interval(ratings) == median_interval(ratings)  # the same seed


def test_one_listener_leaves_no_interval():
    for value, low, high in (mean_interval([70.0]), median_interval(np.array([[60.0, 80.0]]))):
        assert value == 70 and math.isnan(low) and math.isnan(high)
    assert math.isnan(paired_p([3.0])) and all(map(math.isnan, holm([math.nan, math.nan])))


def test_equal_differences_are_certain():
    assert paired_p([0.0, 0.0]) == 1 and paired_p([2.0, 2.0, 2.0]) == 0


def test_holms_values_grow_with_the_values_and_end_at_one():
    # The example of R's p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm"), out of order.
    assert holm([0.05, 0.01, 0.03, 0.02, 0.04]) == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([]) == []
