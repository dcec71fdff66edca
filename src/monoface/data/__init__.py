"""Photos and their annotations: archives, one reader per source, and what is made from them."""
