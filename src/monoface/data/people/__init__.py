"""Labels that know people: one identity a person, found in all photos of the person."""
