"""What makes the shipped assets that are no network: the default face model and its albedo."""
