"""Names for the types that signatures share."""

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

__all__ = ["Array", "CSRMatrix", "MatrixLike", "RandomState", "SparseMatrix"]

Array: TypeAlias = np.ndarray[Any, Any]
"""A NumPy array; shape and dtype stand in the docstring."""

CSRMatrix: TypeAlias = sp.csr_matrix
"""The one form in which interactions are worked on inside the package."""

SparseMatrix: TypeAlias = sp.spmatrix | sp.sparray
"""A sparse matrix or array of scipy, in any format."""

MatrixLike: TypeAlias = SparseMatrix | ArrayLike
"""What can be read as a matrix of users and items."""

RandomState: TypeAlias = int | np.random.RandomState | None
"""A seed, a generator, or None for fresh entropy."""
