"""The albedo model: learned from portraits, freed from light."""
