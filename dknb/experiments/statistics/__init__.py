"""The statistics of experiments: intervals, tests, verdicts, early stops and plans, on any table of trials."""
