"""Commands that turn photos and data sets into training packs."""
