"""Fuzzing of the policy: an invariant, an instrumented run, mutations, and a target. No part of the product."""
