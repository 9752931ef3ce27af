"""The side-by-side bench of Trunkline and its peers; `bench/run.py` is the entrance."""
