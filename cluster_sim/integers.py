"""The integers that all rooms count in: bytes of a page, ns of a second, arrays of 64-bit numbers.

Compiled functions read them too, so this file is named by the key of the compiled code's cache.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

PAGE_BYTES: Final = 4096
NS_PER_S: Final = 10**9
Int64s = npt.NDArray[np.int64]
