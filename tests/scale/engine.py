"""A backend of joblib that treats tasks as engines of other machines do."""

import pickle

import numpy as np
import scipy.sparse as sp
from joblib.parallel import ThreadingBackend, parallel_config


class Engine(ThreadingBackend):
    """Backend whose tasks each have a copy of their own, with arrays that cannot be written to.

    Like dask and Ray it has more workers than this machine has cores, takes them all unless it is
    told otherwise, and would send arrays and matrices among the arguments once. `inline` holds the
    bytes of what goes along with each task, and `once` the arrays.
    """

    supports_sharedmem = uses_threads = False
    default_n_jobs = -1

    def __init__(self, **options):
        super().__init__(**options)
        self.inline, self.once = [], {}

    def effective_n_jobs(self, n_jobs):
        return 1000

    def configure(self, n_jobs=1, parallel=None, **options):
        self.parallel, self._n_jobs = parallel, 2
        return 1000

    def submit(self, func, callback=None):
        for function, args, kwargs in func.items:
            args = [*args, *kwargs.values()]
            own = [arg for arg in args if not isinstance(arg, np.ndarray) and not sp.issparse(arg)]
            self.once |= {id(arg): arg for arg in args if not any(arg is one for one in own)}
            self.inline.append(len(pickle.dumps((function, own))))
        buffers = []
        sent = pickle.dumps(func, protocol=5, buffer_callback=buffers.append)
        locked = [bytes(buffer) for buffer in buffers]
        return super().submit(pickle.loads(sent, buffers=locked), callback)


def on_engine():
    """Return a context whose maps are done by an `Engine`, and that engine."""
    engine = Engine()
    return parallel_config(backend=engine), engine
