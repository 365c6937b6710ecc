"""The competition.

`league/` knows who races and what counts (every table, every change of state), `garage/` turns files into
laps (sandbox, training, racing); they do not know each other. `worker.py` is the door between them and
`cli.py` the command line: the roof over both columns. Nothing here imports Flask.

The libraries below numpy read their number of threads once, when numpy is first imported, and spin when
they have more than one: a training on one core then takes more than twice as long. So it is settled here,
before any module of this package can import numpy.
"""

import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
