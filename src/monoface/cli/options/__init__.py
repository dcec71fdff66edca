"""Options of commands: named numbers, configuration files, presets, and help that fits a screen."""
