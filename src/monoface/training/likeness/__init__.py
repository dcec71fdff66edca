"""From a trained network to weights that know people, in closed form."""
