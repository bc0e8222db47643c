"""What people and tools read about checked programs and about the rules. Decides nothing and prints nothing."""
