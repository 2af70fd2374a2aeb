"""What surrounds a call, the same for all providers: attempts, limits, budgets, middleware, telemetry."""
