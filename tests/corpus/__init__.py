"""The labelled corpus: suites that leak, suites that only look like it, and what runs and judges them."""
