"""What the record says of a merged model, as in-toto attestations for other tools: docs/attestations.md has the bytes.

basis.py      the entries that a statement rests on, and that they belong together
statement.py  entries -> in-toto Statements: SLSA provenance, test results; pure
envelope.py   DSSE: the one door to securesystemslib, and the key that signs
gather.py     a ledger -> the entries of its programs, verified, and their proofs
write.py      a ledger -> a directory of attestations
check.py      an attestation -> whether it holds, without the ledger

A statement is a function of the entries alone. Who checks one makes it again from the proven entries and compares.
"""
