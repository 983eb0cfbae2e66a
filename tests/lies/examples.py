"""How many histories a property is tried on: some in each run of the tests, the same each time; many in a soak."""

import os

from hypothesis import HealthCheck, settings

MANY = os.environ.get("HACHAOS_EXAMPLES")

examples = settings(
    max_examples=int(MANY or 150),
    derandomize=MANY is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
