"""What is wrong in a prompt library: found without a value or a model, told with file, line and column."""
