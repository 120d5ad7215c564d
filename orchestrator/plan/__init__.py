"""The spec checked, ordered and resolved; computes from facts given, reads nothing."""
