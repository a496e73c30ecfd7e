"""To be, or not to be written by a network: it reads Hamlet letter by letter, and then writes on.

    python examples/write_hamlet.py                          about two minutes
    python examples/write_hamlet.py --resume --epochs 40 --write 1000 --temperature 0.7

A language model: from the letters so far, a probability for each letter that may come next. The text is read
in parallel columns, piece by piece; the state goes on from one piece to the next, gradients do not. The ten
steps are those of any sequence model: look for "1." to "10.".
"""

# 1. Bring in what is needed.
import math

from shared import RECURRENT, Checkpoint, one_cycle, option_parser, parsed, print_table, progress

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, hamlet
from minigrad.viz import save_curves

PIECE, COLUMNS = 64, 32


# 6. Define the model.
class Writer(nn.Module):
    def __init__(self, kind: str, letters: int, embedded: int = 64, hidden: int = 256):
        super().__init__()
        self.embedding = nn.Embedding(letters, embedded)
        self.recurrent = RECURRENT[kind](embedded, hidden)
        self.dropout = nn.Dropout(0.4)
        self.scores = nn.Linear(hidden, letters)

    def forward(self, letters, state=None):
        """letters (T, N) and the state before to scores for the next letters (T, N, letters), and the
        state.
        """
        outputs, state = self.recurrent(self.dropout(self.embedding(letters)), state)
        return self.scores(self.dropout(outputs)), state


def detached(state):
    """The state as a beginning: gradients do not go further back."""
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def bits_per_letter(model: Writer, text, device: str) -> float:
    """The mean of -log2 P(letter | all letters before it)."""
    with torch.no_grad():
        scores, _ = model(text[:-1].unsqueeze(1).to(device))
        return nn.functional.cross_entropy(scores[:, 0], text[1:].to(device)).item() / math.log(2)


def written(model: Writer, begin, count: int, temperature: float):
    """Letters drawn one after the other; below temperature 1 the probable ones more often than they
    should.
    """
    letters, state, found = begin.unsqueeze(1), None, []
    with torch.no_grad():
        for _ in range(count):
            scores, state = model(letters, state)
            letters = torch.multinomial((scores[-1] / temperature).softmax(-1), 1)
            found.append(letters.item())
    return found


def counted(longest: int, train: str, test: str) -> float:
    """The baseline: what followed the same few letters before."""
    return baselines.NGramText(longest).fit(train).bits_per_character(test)


def main() -> None:
    # 2. Fix what is random, so that a rerun gives the same numbers.
    parser = option_parser(__doc__, learning_rate=0.005, epochs=16)
    parser.add_argument("--write", type=int, default=300, help="how many letters to write at the end")
    parser.add_argument("--temperature", type=float, default=0.8, help="below 1 more probable letters")
    args = parsed(parser)
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, model {args.model}, device {args.device}")

    # 3. Get the data. 4. Turn it into numbers; the last tenth is held out.
    play = hamlet()
    alphabet = sorted(set(play))
    numbers = {letter: i for i, letter in enumerate(alphabet)}
    text = torch.tensor([numbers[letter] for letter in play])
    cut = len(text) * 9 // 10

    # 5. Make batches: columns of text side by side, cut into pieces.
    rows = (cut - 1) // COLUMNS
    source, target = (text[i : i + rows * COLUMNS].reshape(COLUMNS, rows).T for i in (0, 1))
    pieces = list(range(0, rows - 1, PIECE))
    model = Writer(args.model, len(alphabet)).to(args.device)

    # 7. Choose the loss, the optimizer, and how the learning rate moves.
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    scheduler = one_cycle(optimizer, args.epochs * len(pieces))
    checkpoint = Checkpoint(args, "hamlet", model=model, optimizer=optimizer, scheduler=scheduler)
    done, history = checkpoint.begin("training", "held out")

    # 8. Train: piece by piece down the columns.
    with checkpoint:  # Ctrl-C says how to go on
        for epoch in range(done, args.epochs):
            model.train()
            state, total = None, 0.0
            for start in progress(pieces, f"epoch {epoch + 1}"):
                x, y = (part[start : start + PIECE].to(args.device) for part in (source, target))
                optimizer.zero_grad()
                scores, state = model(x, state)
                loss = criterion(scores.flatten(0, 1), y.flatten())
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                state = detached(state)
                total += loss.item()
            model.eval()
            history["training"].append(total / len(pieces) / math.log(2))
            history["held out"].append(bits_per_letter(model, text[cut:], args.device))
            bits = f"{history['training'][-1]:.3f}, held out {history['held out'][-1]:.3f}"
            print(f"epoch {epoch + 1:2}: bits per letter {bits}")

            # 9. Save everything that training goes on from.
            checkpoint.save(epoch + 1, history)
            save_curves(checkpoint.picture, history, f"Hamlet, {args.model.upper()}: bits per letter")

    # 10. Judge it on the last tenth, beside counts of what followed the same few letters; and let it write.
    bits_of = {f"counts, {n - 1} letters before": counted(n, play[:cut], play[cut:]) for n in (1, 3, 5)}
    bits_of[f"{args.model.upper()}, {args.epochs} epochs"] = bits_per_letter(model, text[cut:], args.device)
    scores = [(name, f"{bits:.2f}") for name, bits in bits_of.items()]
    print_table(f"bits per letter, {len(play) - cut:,} letters held out", scores)
    begin = "HAMLET\n"
    start = torch.tensor([numbers[letter] for letter in begin], device=args.device)
    letters = written(model, start, args.write, args.temperature)
    print(f"\nit writes:\n\n{begin}{''.join(alphabet[i] for i in letters)}")
    print(f"\n{checkpoint}")


if __name__ == "__main__":
    main()
