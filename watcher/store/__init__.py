"""The memory of the program: papers, listings, matches, digests, deliveries."""
