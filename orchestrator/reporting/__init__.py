"""What the report is made of: facts folded from the ledger, statistics, figures, and the page itself."""
