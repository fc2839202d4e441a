"""A classifier in the formats of other runtimes: converted, held against Keras, described, with a card."""
