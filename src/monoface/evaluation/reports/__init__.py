"""What all benchmarks report with: definitions, figures, comparisons, pages."""
