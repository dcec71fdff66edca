"""What is written of people in clips."""
