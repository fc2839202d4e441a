"""Which pictures to label next, and the page on which a person does it."""
