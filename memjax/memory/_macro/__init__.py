"""Memory macros: one file per part of them."""
