"""The providers that dknb brings: a class each that says where the model is and what differs."""
