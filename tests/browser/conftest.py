"""The execution that the results' own tests show."""

from tests.unit.results.conftest import failed, succeeded

__all__ = ["failed", "succeeded"]
