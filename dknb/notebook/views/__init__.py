"""What dknb shows: pure functions from data to MIME bundles that read well with no kernel behind them."""
