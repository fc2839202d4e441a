"""How accurate recipes are: `measure` trains and tests them, `recipes` says which there are."""
