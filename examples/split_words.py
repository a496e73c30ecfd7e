"""wheredoesonewordendandthenextbegin? A network that reads in both directions marks the ends of words.

    python examples/split_words.py                      about a minute

Segmentation: a decision for every place of a sequence. The text is Hamlet without spaces, capitals and stops;
the last tenth is held out. The ten steps are those of any sequence model: look for "1." to "10.".
"""

# 1. Bring in what is needed.
import re

from shared import RECURRENT, Checkpoint, one_cycle, option_parser, parsed, print_columns, progress

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, hamlet
from minigrad.utils.data import DataLoader, TensorDataset
from minigrad.viz import save_curves

LENGTH = 80  # letters in a piece


# 6. Define the model: both directions are read, for what comes next decides as much as what came before.
class Splitter(nn.Module):
    def __init__(self, kind: str, letters: int = 27, embedded: int = 32, hidden: int = 96):
        super().__init__()
        self.embedding = nn.Embedding(letters, embedded)
        self.recurrent = RECURRENT[kind](embedded, hidden, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.score = nn.Linear(2 * hidden, 1)

    def forward(self, letters):
        """letters (T, N) to scores (T, N): above zero where a word ends."""
        outputs, _ = self.recurrent(self.embedding(letters))
        return self.score(self.dropout(outputs)).squeeze(-1)


def letters_and_ends(text: str) -> tuple[str, list[bool]]:
    """The text without spaces, and for each letter whether a word ends with it."""
    words = re.findall(r"[a-z]+", text.lower().replace("'", ""))
    return "".join(words), [i == len(word) - 1 for word in words for i in range(len(word))]


def in_pieces(letters: str, ends: list[bool]):
    """Tensors (pieces, LENGTH): letters as numbers from 0, and ends as 0 and 1."""
    whole = len(letters) // LENGTH * LENGTH
    numbers = torch.tensor([ord(letter) - ord("a") for letter in letters[:whole]])
    return numbers.reshape(-1, LENGTH), torch.tensor(ends[:whole], dtype=torch.float32).reshape(-1, LENGTH)


def scores_of(found: list[bool], wanted: list[bool]) -> list[str]:
    """Precision and recall of the ends found, their harmonic mean F1, and the share of words wholly right."""
    right = sum(f and w for f, w in zip(found, wanted, strict=True))
    precision, recall = right / max(1, sum(found)), right / sum(wanted)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    words, whole, open_ = 0, 0, True
    for f, w in zip(found, wanted, strict=True):
        open_ = open_ and f == w
        if w:  # a word is right if its end, and no place within it, was marked; and its beginning was
            words, whole, open_ = words + 1, whole + open_, f
    return [f"{value:.1%}" for value in (precision, recall, f1, whole / words)]


def main() -> None:
    # 2. Fix what is random, so that a rerun gives the same numbers.
    args = parsed(option_parser(__doc__, learning_rate=0.01, epochs=10))
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, model {args.model}, device {args.device}")

    # 3. Get the data. 4. Turn it into numbers: a letter and a yes or no for each place.
    letters, ends = letters_and_ends(hamlet())
    cut = len(letters) * 9 // 10
    x, y = in_pieces(letters[:cut], ends[:cut])
    test_x, test_y = in_pieces(letters[cut:], ends[cut:])

    # 5. Make batches.
    train = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    model = Splitter(args.model).to(args.device)

    # 7. Choose the loss, the optimizer, and how the learning rate moves.
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.02)
    scheduler = one_cycle(optimizer, args.epochs * len(train))
    checkpoint = Checkpoint(args, "words", model=model, optimizer=optimizer, scheduler=scheduler)
    done, history = checkpoint.begin("training loss")

    # 8. Train: forward, loss, backward, step.
    with checkpoint:  # Ctrl-C says how to go on
        for epoch in range(done, args.epochs):
            model.train()
            total = 0.0
            for numbers, wanted in progress(train, f"epoch {epoch + 1}"):
                optimizer.zero_grad()
                loss = criterion(model(numbers.T.to(args.device)), wanted.T.to(args.device))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                total += loss.item()
            history["training loss"].append(total / len(train))
            print(f"epoch {epoch + 1:2}: loss {total / len(train):.4f}")

            # 9. Save everything that training goes on from.
            checkpoint.save(epoch + 1, history)
            save_curves(checkpoint.picture, history, f"Ends of words, {args.model.upper()}")

    # 10. Judge it on the last tenth of the play, beside what the letters around a place tell.
    model.eval()
    with torch.no_grad():
        found = (model(test_x.T.to(args.device)) > 0).T.flatten().tolist()
    wanted = [bool(end) for end in test_y.flatten().tolist()]
    test_letters = letters[cut:][: len(wanted)]
    around = baselines.ContextTags().fit(letters[:cut], ends[:cut]).predict(test_letters)
    print_columns(
        f"ends of {sum(wanted):,} words in {len(wanted):,} letters held out",
        ["", "precision", "recall", "F1", "words right"],
        [
            ["an end after every 4th letter", *scores_of([i % 4 == 3 for i in range(len(wanted))], wanted)],
            ["most frequent for the letters around", *scores_of(around, wanted)],
            [f"{args.model.upper()}, {args.epochs} epochs", *scores_of(found, wanted)],
        ],
    )
    sample = "".join(c + " " * f for c, f in zip(test_letters, found, strict=True))[:160]
    print(f"\nas it reads: {sample}")
    print(f"\n{checkpoint}")


if __name__ == "__main__":
    main()
