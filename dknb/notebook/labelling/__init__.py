"""Labels of people: a widget that shows answers one by one, without their variant."""
