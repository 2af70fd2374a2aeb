"""Runs on a cluster: parts of a run are leased out to workers, which store what they are answered."""
