"""Commands on the weights in a store: compare them, check them, take them out and in."""
