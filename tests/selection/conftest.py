"""Problems and dataset folders, as the tests of the release make them."""

import pytest

from tests.release.conftest import make_dataset, make_problem, make_rejected

__all__ = ["make_dataset", "make_problem", "make_rejected"]

pytest.importorskip("sklearn", reason="selection needs scikit-learn: pip install '.[select]'")
