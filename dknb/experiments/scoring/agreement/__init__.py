"""How far two or more raters agree beyond chance, with intervals."""
