"""A fourth method, as small as can be: one folder, and a line in the table of methods."""
