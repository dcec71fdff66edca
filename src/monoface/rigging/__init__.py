"""What animators want of a face model's head: bones, lashes, teeth in their place, a clean cut."""
