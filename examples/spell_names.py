"""How is this name written in its own script? A network reads Latin letters and writes Greek, Cyrillic, ...

    python examples/spell_names.py                    about two minutes
    python examples/spell_names.py --resume --epochs 60

Translation, letter by letter: an encoder reads the name, a decoder writes it, and looks at each step at the
letters that matter (attention: Luong, Pham and Manning 2015). What it writes is found by beam search. The ten
steps are those of any sequence model: look for "1." to "10.".
"""

# 1. Bring in what is needed.
from shared import RECURRENT, Checkpoint, one_cycle, option_parser, parsed, print_table, progress

import minigrad as torch
from minigrad import nn, viz
from minigrad.datasets import Spelling, baselines, spellings, split_by_name
from minigrad.nn.utils.rnn import pad_sequence
from minigrad.utils.data import DataLoader

PAD, START, END = 0, 1, 2  # numbers that stand for no letter


# 6. Define the model.
class Speller(nn.Module):
    def __init__(self, kind: str, read: int, written: int, embedded: int = 48, hidden: int = 128):
        super().__init__()
        self.source, self.target = (nn.Embedding(n, embedded, padding_idx=PAD) for n in (read, written))
        self.encoder = RECURRENT[kind](embedded, hidden // 2, bidirectional=True)
        self.decoder = RECURRENT[kind](embedded, hidden)
        self.looking = nn.Linear(hidden, hidden, bias=False)
        self.joined = nn.Linear(2 * hidden, hidden)
        self.scores = nn.Linear(hidden, written)
        self.dropout = nn.Dropout(0.3)

    def encode(self, letters):
        """letters (S, N) to what was read: vectors (S, N, H), and which of them are padding (N, 1, S)."""
        read, _ = self.encoder(self.dropout(self.source(letters)))
        return self.dropout(read), (letters == PAD).T.unsqueeze(1)

    def decode(self, letters, read, padding, state=None):
        """letters written so far (T, N) to scores for the next at each place (T, N, letters), the state, and
        where the decoder looked (N, T, S).
        """
        written, state = self.decoder(self.dropout(self.target(letters)), state)
        match = self.looking(written).transpose(0, 1) @ read.permute(1, 2, 0)  # (N, T, S)
        look = match.masked_fill(padding, -torch.inf).softmax(-1)
        seen = (look @ read.transpose(0, 1)).transpose(0, 1)  # (T, N, H)
        joined = torch.tanh(self.joined(torch.cat([written, seen], -1)))
        return self.scores(self.dropout(joined)), state, look


def spelled(model: Speller, letters, beam: int, longest: int = 24) -> list[int]:
    """The most probable spelling of one name (S,), by beam search: of all beginnings the `beam` best go
    on.
    """
    read, padding = model.encode(letters.unsqueeze(1))
    ends, scores, state = torch.full((1, 1), START), torch.zeros(1), None
    for _ in range(longest):
        width = ends.shape[1]
        found, state, _ = model.decode(ends[-1:], read.expand(-1, width, -1), padding, state)
        total = scores.unsqueeze(1) + found[0].log_softmax(-1)  # (beginnings, letters)
        closed = (ends == END).any(0)  # a word that has ended stays as it is
        total = torch.where(closed.unsqueeze(1), -torch.inf, total)
        total[closed, END] = scores[closed]
        scores, best = total.flatten().topk(min(beam, total.numel()))
        parent, letter = best // found.shape[-1], best % found.shape[-1]
        ends = torch.cat([ends[:, parent], letter.unsqueeze(0)])
        state = tuple(s[:, parent] for s in state) if isinstance(state, tuple) else state[:, parent]
        if (ends == END).any(0).all():
            break
    word = ends[1:, 0].tolist()
    return word[: word.index(END)] if END in word else word


def main() -> None:
    # 2. Fix what is random, so that a rerun gives the same numbers.
    parser = option_parser(__doc__, learning_rate=0.004, epochs=40)
    parser.add_argument("--beam", type=int, default=4, help="how many beginnings the search keeps")
    args = parsed(parser)
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, model {args.model}, device {args.device}")

    # 3. Get the data: names in two spellings; no name of the test is among those trained on.
    train_names, test_names = (
        [name for _, name in part] for part in split_by_name([(n.native, n) for n in spellings()])
    )

    # 4. Turn letters into numbers. The language stands first; apostrophes are left out, as in a passport.
    def source_of(name: Spelling) -> list[str]:
        return [name.language, *name.latin.replace("'", "").lower()]

    def target_of(name: Spelling) -> list[str]:
        return list(name.native.lower())

    sources = {s: i + 3 for i, s in enumerate(sorted({s for n in train_names for s in source_of(n)}))}
    targets = {s: i + 3 for i, s in enumerate(sorted({s for n in train_names for s in target_of(n)}))}
    written = {i: s for s, i in targets.items()}

    def numbers(name: Spelling):
        letters = torch.tensor([sources[s] for s in source_of(name)])
        return letters, torch.tensor([START, *(targets.get(s, PAD) for s in target_of(name)), END])

    # 5. Make batches: both sides are padded to the longest.
    def collate(batch):
        return tuple(pad_sequence(list(part)) for part in zip(*batch, strict=True))

    train = DataLoader([numbers(n) for n in train_names], batch_size=64, shuffle=True, collate_fn=collate)
    model = Speller(args.model, len(sources) + 3, len(targets) + 3).to(args.device)

    # 7. Choose the loss, the optimizer, and how the learning rate moves.
    criterion = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    scheduler = one_cycle(optimizer, args.epochs * len(train))
    checkpoint = Checkpoint(args, "spellings", model=model, optimizer=optimizer, scheduler=scheduler)
    done, history = checkpoint.begin("training loss")

    # 8. Train: at each place the decoder is given the right letters before it, and asked for the next.
    with checkpoint:  # Ctrl-C says how to go on
        for epoch in range(done, args.epochs):
            model.train()
            total = 0.0
            for letters, word in progress(train, f"epoch {epoch + 1}"):
                letters, word = letters.to(args.device), word.to(args.device)
                optimizer.zero_grad()
                scores, _, _ = model.decode(word[:-1], *model.encode(letters))
                loss = criterion(scores.flatten(0, 1), word[1:].flatten())
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                total += loss.item()
            history["training loss"].append(total / len(train))
            print(f"epoch {epoch + 1:2}: loss {total / len(train):.3f}")

            # 9. Save everything that training goes on from.
            checkpoint.save(epoch + 1, history)
            viz.save_curves(checkpoint.picture, history, f"Spellings, {args.model.upper()}")

    # 10. Judge it on names it has not seen, beside a table of letters.
    model.eval()
    wanted = ["".join(target_of(name)) for name in test_names]
    with torch.no_grad():
        inputs = [torch.tensor([sources[s] for s in source_of(n)], device=args.device) for n in test_names]
        words = [spelled(model, letters, args.beam) for letters in inputs]
    found = ["".join(written.get(number, "?") for number in word) for word in words]
    by_letter = letter_by_letter(train_names, test_names, source_of, target_of)
    kinds = {"letter by letter": by_letter, f"{args.model.upper()}, {args.epochs} epochs": found}
    print_table(
        f"{len(wanted)} names held out: spelled rightly, and wrong letters per letter",
        [(kind, scores_of(words, wanted)) for kind, words in kinds.items()],
    )
    name = test_names[0]
    with torch.no_grad():
        letters, word = numbers(name)
        _, _, look = model.decode(word[:-1].unsqueeze(1), *model.encode(letters.unsqueeze(1)))
    attention = args.runs / f"spellings-{args.model}-attention.svg"
    title = f"where the decoder looks: {name.latin}"
    viz.heatmap(look[0], [*target_of(name), "end"], source_of(name), title, low=0.0, high=1.0).save(attention)
    print(f"\nwhere the decoder looks: {attention.resolve()}\n{checkpoint}")


def letter_by_letter(train_names, test_names, source_of, target_of) -> list[str]:
    """The baseline: for each language a table of which letters stand for which, learned from the same
    names.
    """
    tables = {}
    for language in {name.language for name in train_names}:
        names = [n for n in train_names if n.language == language]
        pairs = [("".join(source_of(n)[1:]), "".join(target_of(n))) for n in names]
        tables[language] = baselines.LetterByLetter().fit(*zip(*pairs, strict=True))
    return [tables[n.language].predict(["".join(source_of(n)[1:])])[0] for n in test_names]


def scores_of(words: list[str], wanted: list[str]) -> str:
    """The share of words that are right, and edits per letter."""
    edits = sum(baselines.edit_distance(a, b) for a, b in zip(words, wanted, strict=True))
    return f"{baselines.accuracy(words, wanted):.1%}  {edits / sum(map(len, wanted)):.3f}"


if __name__ == "__main__":
    main()
