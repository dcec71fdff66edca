"""Relief on real skin: a scan whose relief is known, and photos that relief has to explain."""
