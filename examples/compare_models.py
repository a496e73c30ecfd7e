"""LSTM, CNN or Transformer? Three ways to read a name, trained alike, in one table.

    python examples/compare_models.py                about two minutes
    python examples/compare_models.py --epochs 14

The task is that of classify_surnames.py: from which language is this surname? Data, optimizer, schedule and
epochs are the same for all three; each has about 200,000 parameters.
"""

import argparse
import time
from pathlib import Path

from classify_surnames import Reader, accuracy, batches, vocabularies
from shared import one_cycle, print_columns, progress

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, split_by_name, surnames
from minigrad.viz import save_curves


class Convolutional(nn.Module):
    """Looks for letter groups: windows of 2 to 5 letters, each pattern where it fits best (Kim 2014)."""

    def __init__(self, letters: int, languages: int, embedded: int = 64, patterns: int = 200):
        super().__init__()
        self.embedding = nn.Embedding(letters, embedded, padding_idx=0)
        convolutions = [nn.Conv1d(embedded, patterns, width, padding=width - 1) for width in (2, 3, 4, 5)]
        self.windows = nn.ModuleList(convolutions)
        self.dropout = nn.Dropout(0.3)
        self.scores = nn.Linear(4 * patterns, languages)

    def forward(self, names, lengths):
        """names (T, N) letter numbers, padded with 0; lengths (N,). Returns scores (N, languages)."""
        vectors = self.dropout(self.embedding(names)).permute(1, 2, 0)  # (N, E, T)
        found = [torch.relu(window(vectors)).amax(-1) for window in self.windows]
        return self.scores(self.dropout(torch.cat(found, 1)))


class Attentive(nn.Module):
    """Every letter looks at every other: two encoder layers, and the mean over letters (Vaswani et al.
    2017).
    """

    def __init__(self, letters: int, languages: int, width: int = 96, longest: int = 64):
        super().__init__()
        self.embedding = nn.Embedding(letters, width, padding_idx=0)
        self.places = nn.Parameter(torch.randn(longest, 1, width) * 0.1)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.1, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.dropout = nn.Dropout(0.3)
        self.scores = nn.Linear(width, languages)

    def forward(self, names, lengths):
        """names (T, N) letter numbers, padded with 0; lengths (N,). Returns scores (N, languages)."""
        padding = (names == 0).T  # (N, T)
        vectors = self.embedding(names) + self.places[: len(names)]
        read = self.layers(vectors, src_key_padding_mask=padding)
        read = read.masked_fill(padding.T.unsqueeze(-1), 0.0).sum(0) / (~padding).sum(1, keepdim=True)
        return self.scores(self.dropout(read))


def trained(model: nn.Module, train, test, epochs: int, rate: float, name: str) -> tuple[list[float], float]:
    """Train a model; returns its held-out error after each epoch, and the seconds it trained."""
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1)
    steps = epochs * len(train)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))
    errors, seconds = [], 0.0
    for epoch in range(epochs):
        model.train()
        begin = time.perf_counter()
        for names, lengths, languages in progress(train, f"{name}, epoch {epoch + 1}"):
            optimizer.zero_grad()
            criterion(model(names, lengths), languages).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            scheduler.step()
        seconds += time.perf_counter() - begin
        errors.append(1 - accuracy(model, test, "cpu"))
        print(f"{name}, epoch {epoch + 1:2}: accuracy {1 - errors[-1]:.1%}")
    return errors, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="times through the training data, each")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and dropout")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    args = parser.parse_args()
    print(f"seed {args.seed}")

    train_pairs, test_pairs = split_by_name(surnames())
    letters, languages = vocabularies(train_pairs)
    train = batches(train_pairs, letters, languages, 128, shuffle=True)
    test = batches(test_pairs, letters, languages, 512)
    sizes = len(letters), len(languages)
    makers = {  # and the highest learning rate that suits each
        "LSTM, both directions": (lambda: Reader("lstm", *sizes, hidden=128), 0.005),
        "CNN": (lambda: Convolutional(*sizes), 0.004),
        "Transformer": (lambda: Attentive(*sizes), 0.003),
    }
    curves, rows = {}, []
    for name, (make, rate) in makers.items():
        torch.manual_seed(args.seed)
        model = make()
        curves[name], seconds = trained(model, train, test, args.epochs, rate, name)
        parameters = sum(p.numel() for p in model.parameters())
        rows.append([name, f"{parameters:,}", f"{seconds:.0f} s", f"{1 - curves[name][-1]:.1%}"])
    names, wanted = zip(*test_pairs, strict=True)
    ngrams = baselines.NGramBayes().fit(*zip(*train_pairs, strict=True))
    rows.append(["n-grams, naive Bayes", "", "", f"{baselines.accuracy(ngrams.predict(names), wanted):.1%}"])
    print_columns(
        f"{len(wanted):,} surnames held out, after {args.epochs} epochs",
        ["model", "parameters", "training", "accuracy"],
        rows,
    )
    args.runs.mkdir(parents=True, exist_ok=True)
    picture = args.runs / "compare_models.svg"
    save_curves(picture, curves, "Surnames: error on names held out")
    print(f"\nthe picture is in {picture.resolve()}")


if __name__ == "__main__":
    main()
