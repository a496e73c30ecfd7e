"""What a DataLoader is made of: getting samples (fetch), putting them together (collate), worker."""

from . import collate, fetch, worker
