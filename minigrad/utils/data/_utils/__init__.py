"""What a DataLoader is made of: putting samples together (collate), getting them (fetch), workers (worker)."""

from . import collate, fetch, worker
