"""LSTM, CNN or Transformer? Three ways to read a text, in one table.

    python examples/compare_models.py                about two and a half minutes
    python examples/compare_models.py --epochs 0.5

The task is that of split_words.py: where do words end in Hamlet without spaces? Each model has about 100,000
parameters, and the batches and epochs that suit it: where an LSTM and a CNN begin with what stands side by
side, a Transformer has to find out what its neighbours are to it, and takes more steps for that.
"""

import argparse
import time
from pathlib import Path

from shared import one_cycle, print_columns, progress, save_picture
from split_words import LENGTH, Splitter, in_pieces, letters_and_ends, scores_of

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, hamlet
from minigrad.utils.data import DataLoader, TensorDataset
from minigrad.viz import curves


class Convolutional(nn.Module):
    """Looks at a window around each letter: three convolutions over five letters each, so six to either
    side.
    """

    def __init__(self, letters: int = 27, width: int = 88):
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2) for _ in range(3))
        self.dropout = nn.Dropout(0.2)
        self.score = nn.Linear(width, 1)

    def forward(self, letters):
        """letters (T, N) to scores (T, N): above zero where a word ends."""
        vectors = self.embedding(letters).permute(1, 2, 0)  # (N, width, T)
        for layer in self.layers:
            vectors = vectors + torch.relu(layer(self.dropout(vectors)))
        return self.score(vectors.permute(2, 0, 1)).squeeze(-1)


class Attentive(nn.Module):
    """Letters look at each other (Vaswani et al. 2017), two encoder layers, over seven places to either side.

    Places are waves, of which a shift is a linear map, so that "the letter before" can be learned for all of
    them.
    """

    places: torch.Tensor

    def __init__(self, letters: int = 27, width: int = 80):
        super().__init__()
        self.embedding = nn.Embedding(letters, width)
        angles = torch.arange(LENGTH).unsqueeze(1) * 30.0 ** (-torch.arange(0, width, 2) / width)
        self.register_buffer("places", torch.cat([angles.sin(), angles.cos()], 1).unsqueeze(1))
        steps = torch.arange(LENGTH)
        self.register_buffer("far", (steps - steps.unsqueeze(1)).abs() > 7)
        layer = nn.TransformerEncoderLayer(width, 8, 2 * width, dropout=0.05, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.score = nn.Linear(width, 1)

    def forward(self, letters):
        """letters (T, N) to scores (T, N): above zero where a word ends."""
        vectors = 0.5 * self.embedding(letters) + self.places
        return self.score(self.layers(vectors, mask=self.far)).squeeze(-1)


MODELS = {  # what makes it, the highest learning rate, pieces in a batch, epochs
    "LSTM, both directions": (lambda: Splitter("lstm"), 0.01, 32, 10),
    "CNN": (Convolutional, 0.005, 32, 10),
    "Transformer": (Attentive, 0.003, 8, 18),
}


def pieces_of(text: tuple[str, list[bool]], batch: int) -> DataLoader:
    """Batches of pieces, cut anew each time from another letter on, so that none can be learned by heart."""
    start = int(torch.randint(0, LENGTH, ()))
    letters, ends = (part[start:] for part in text)
    return DataLoader(TensorDataset(*in_pieces(letters, ends)), batch_size=batch, shuffle=True)


def trained(model: nn.Module, text, batch: int, epochs: int, rate: float, name: str) -> list[float]:
    """Train a model; returns the mean loss of each epoch."""
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
    scheduler = one_cycle(optimizer, epochs * len(pieces_of(text, batch)))
    losses = []
    model.train()
    for epoch in range(epochs):
        total, train = 0.0, pieces_of(text, batch)
        for letters, ends in progress(train, f"{name}, epoch {epoch + 1}"):
            optimizer.zero_grad()
            loss = criterion(model(letters.T), ends.T)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item()
        losses.append(total / len(train))
        print(f"{name}, epoch {epoch + 1:2}: loss {losses[-1]:.4f}")
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=float, default=1.0, help="as a multiple of each model's own")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and dropout")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    args = parser.parse_args()
    print(f"seed {args.seed}")

    letters, ends = letters_and_ends(hamlet())
    cut = len(letters) * 9 // 10
    text = letters[:cut], ends[:cut]
    test_x, test_y = in_pieces(letters[cut:], ends[cut:])
    wanted = [bool(end) for end in test_y.flatten().tolist()]

    around = baselines.ContextTags().fit(*text).predict(letters[cut:][: len(wanted)])
    rows = [["letters around, counted", "", "", "", *scores_of(around, wanted)]]
    losses = {}
    for name, (make, rate, batch, epochs) in MODELS.items():
        torch.manual_seed(args.seed)
        model, epochs = make(), max(1, round(epochs * args.epochs))
        begin = time.perf_counter()
        losses[name] = trained(model, text, batch, epochs, rate, name)
        seconds = time.perf_counter() - begin
        model.eval()
        with torch.no_grad():
            found = (model(test_x.T) > 0).T.flatten().tolist()
        parameters = sum(p.numel() for p in model.parameters())
        rows.append([name, f"{parameters:,}", epochs, f"{seconds:.0f} s", *scores_of(found, wanted)])
    print_columns(
        f"ends of {sum(wanted):,} words held out",
        ["", "parameters", "epochs", "training", "precision", "recall", "F1", "words right"],
        rows,
    )
    save_picture(args.runs, "compare_models", curves(losses, "Ends of words: training loss"))


if __name__ == "__main__":
    main()
