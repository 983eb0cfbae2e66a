"""The figures of the README: `make bench` runs them all, `python -m benchmarks NAME...` some."""
