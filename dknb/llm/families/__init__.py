"""What is particular about families of models: data, with its source and date."""
