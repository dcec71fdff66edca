"""What every layer stands on: errors and shipped assets."""
