"""From which language is this surname? A recurrent network reads it letter by letter and says.

    python examples/classify_surnames.py                    about a minute on a laptop
    python examples/classify_surnames.py --model gru --epochs 20
    python examples/classify_surnames.py --resume --epochs 30

The ten steps are those of any sequence model: look for "1." to "10.".
"""

# 1. Bring in what is needed.
from shared import RECURRENT, Checkpoint, one_cycle, option_parser, parsed, print_table, progress

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, split_by_name, surnames
from minigrad.nn.utils.rnn import pack_padded_sequence
from minigrad.sequences import PadCollate, Vocabulary
from minigrad.utils.data import DataLoader
from minigrad.viz import save_curves


# 6. Define the model: letters become vectors, a recurrent layer reads them forwards and backwards, and a
#    linear layer turns its two last states into a score per language.
class Reader(nn.Module):
    def __init__(self, kind: str, letters: int, languages: int, embedded: int = 48, hidden: int = 192):
        super().__init__()
        self.embedding = nn.Embedding(letters, embedded, padding_idx=0)
        self.recurrent = RECURRENT[kind](embedded, hidden, bidirectional=True)
        self.dropout = nn.Dropout(0.3)
        self.scores = nn.Linear(2 * hidden, languages)

    def forward(self, names, lengths):
        """names (T, N) letter numbers, padded with 0; lengths (N,). Returns scores (N, languages)."""
        vectors = self.dropout(self.embedding(names))
        _, state = self.recurrent(pack_padded_sequence(vectors, lengths, enforce_sorted=False))
        last = state[0] if isinstance(state, tuple) else state  # an LSTM's state is a pair (h, c)
        return self.scores(self.dropout(torch.cat([last[0], last[1]], dim=1)))


def vocabularies(pairs) -> tuple[Vocabulary, Vocabulary]:
    """A number for each letter, 0 for padding and 1 for letters not in `pairs`; and one for each language."""
    every = (letter for name, _ in pairs for letter in name.lower())
    letters = Vocabulary(every, specials=["<pad>"], unknown="<unk>")
    return letters, Vocabulary(language for _, language in pairs)


def batches(pairs, letters: Vocabulary, languages: Vocabulary, size: int, shuffle: bool = False):
    """Batches of names (T, N), padded to the longest, with their lengths (N,) and languages (N,)."""
    numbered = [(letters.encode(name.lower()), languages[language]) for name, language in pairs]
    return DataLoader(numbered, batch_size=size, shuffle=shuffle, collate_fn=PadCollate())


def accuracy(model: nn.Module, loader: DataLoader, device: str) -> float:
    """The share of names whose language gets the highest score."""
    model.eval()
    right = count = 0
    with torch.no_grad():
        for names, lengths, languages in loader:
            found = model(names.to(device), lengths).argmax(1)
            right += (found == languages.to(device)).sum().item()
            count += len(languages)
    return right / count


def main() -> None:
    # 2. Fix what is random, so that a rerun gives the same numbers.
    args = parsed(option_parser(__doc__, learning_rate=0.005, epochs=14))
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, model {args.model}, device {args.device}")

    # 3. Get the data: (name, language) pairs from the box; no spelling of the test is among those trained on.
    train_pairs, test_pairs = split_by_name(surnames())

    # 4. Turn it into numbers. 5. Make batches.
    letters, languages = vocabularies(train_pairs)
    train = batches(train_pairs, letters, languages, 128, shuffle=True)
    test = batches(test_pairs, letters, languages, 512)

    model = Reader(args.model, len(letters), len(languages)).to(args.device)

    # 7. Choose the loss, the optimizer, and how the learning rate moves.
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.2)
    scheduler = one_cycle(optimizer, args.epochs * len(train))

    checkpoint = Checkpoint(args, "surnames", model=model, optimizer=optimizer, scheduler=scheduler)
    done, history = checkpoint.begin("training loss", "test error")

    # 8. Train: forward, loss, backward, step.
    with checkpoint:  # Ctrl-C says how to go on
        for epoch in range(done, args.epochs):
            model.train()
            total = 0.0
            for names, lengths, targets in progress(train, f"epoch {epoch + 1}"):
                optimizer.zero_grad()
                loss = criterion(model(names.to(args.device), lengths), targets.to(args.device))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
                scheduler.step()
                total += loss.item()
            history["training loss"].append(total / len(train))
            history["test error"].append(1 - accuracy(model, test, args.device))
            print(
                f"epoch {epoch + 1:2}: loss {total / len(train):.3f}, "
                f"accuracy {1 - history['test error'][-1]:.1%}"
            )

            # 9. Save everything that training goes on from: `--resume` goes on as if nothing had happened.
            checkpoint.save(epoch + 1, history)
            save_curves(checkpoint.picture, history, f"Surnames, {args.model.upper()}")

    # 10. Judge it on names it has not seen, beside what is to be had without it.
    names, wanted = zip(*test_pairs, strict=True)
    majority = baselines.majority_class([language for _, language in train_pairs])
    ngrams = baselines.NGramBayes().fit(*zip(*train_pairs, strict=True))
    print_table(
        f"accuracy on {len(test_pairs)} surnames held out, {len(languages)} languages",
        [
            (
                f"most frequent language ({majority})",
                f"{baselines.accuracy([majority] * len(names), wanted):.1%}",
            ),
            ("character n-grams, naive Bayes", f"{baselines.accuracy(ngrams.predict(names), wanted):.1%}"),
            (f"{args.model.upper()}, {args.epochs} epochs", f"{accuracy(model, test, args.device):.1%}"),
        ],
    )
    print(f"\n{checkpoint}")


if __name__ == "__main__":
    main()
