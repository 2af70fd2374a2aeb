"""Taking answers apart, and asking for answers of a shape."""
