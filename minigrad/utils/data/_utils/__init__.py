"""What a DataLoader is made of: getting samples (fetch), putting them together (collate), one pass over a
dataset in this process (passes) or with others (workers, channel, segments), and what these do (worker).
"""

from ....later import loader
from . import collate, fetch, passes, worker

# A browser's Python has no processes, and cannot load what starts them.
__getattr__, __dir__ = loader(__name__, {name: (name, None) for name in ("channel", "segments", "workers")})
