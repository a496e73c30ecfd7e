"""When was this instrument out of order? A network marks the weeks of a CO2 record that cannot be right.

    python examples/find_faults.py                      about a minute

Detection: events in a series, as intervals. The record is Mauna Loa's, week by week; into it four kinds of
fault are drawn, as instruments have them: the reading is stuck, drifts away, jumps to another level, or
becomes noisy. Faults are small beside the seasons (6 ppm), so no threshold on the reading itself finds them.
Trained on the years to 1984, judged on the others. The ten steps are those of any sequence model: look for
"1." to "10.".
"""

# 1. Bring in what is needed.
import numpy as np
from shared import RECURRENT, Checkpoint, one_cycle, option_parser, parsed, print_columns, progress

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, co2
from minigrad.utils.data import DataLoader, Dataset
from minigrad.viz import save_curves

YEAR, LENGTH = 52, 312  # weeks; a piece is six years long


def with_faults(values: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A copy with a fault in about one week of eight, and for each week whether it is in one."""
    values, faulty = values.copy(), np.zeros(len(values), bool)
    start = int(random.integers(10, 80))
    while start + 30 < len(values):
        length = int(random.integers(6, 25))
        part = slice(start, start + length)
        sign = random.choice([-1.0, 1.0])
        kind = random.choice(["stuck", "drift", "jump", "noise"])
        if kind == "stuck":
            values[part] = values[start]
        elif kind == "drift":
            values[part] += sign * np.linspace(0, random.uniform(1.5, 4), length)
        elif kind == "jump":
            values[part] += sign * random.uniform(1, 3)
        else:
            values[part] += random.normal(0, random.uniform(0.8, 2), length)
        faulty[part] = True
        start += length + int(random.integers(40, 160))
    return values, faulty


def features_of(values: np.ndarray) -> np.ndarray:
    """What the network sees of each week (T - YEAR, 2): the change since last week, and since this week a
    year ago, beside the change that was usual around it.
    """
    change = np.diff(values, prepend=values[0])
    yearly = values[YEAR:] - values[:-YEAR]
    usual = np.array([np.median(yearly[max(0, t - YEAR) : t + YEAR]) for t in range(len(yearly))])
    return np.stack([change[YEAR:], yearly - usual], 1).astype(np.float32)


class Faults(Dataset):
    """Pieces of the record with faults that are drawn anew each time."""

    def __init__(self, values: np.ndarray, count: int, seed: int):
        self.values, self.count, self.random = values, count, np.random.default_rng(seed)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        start = int(self.random.integers(0, len(self.values) - LENGTH))
        values, faulty = with_faults(self.values[start : start + LENGTH], self.random)
        return features_of(values), faulty[YEAR:].astype(np.float32)


# 6. Define the model: both directions, for an end tells of a beginning.
class Watch(nn.Module):
    def __init__(self, kind: str, features: int = 2, hidden: int = 48):
        super().__init__()
        self.recurrent = RECURRENT[kind](features, hidden, bidirectional=True)
        self.score = nn.Linear(2 * hidden, 1)

    def forward(self, seen):
        """seen (T, N, 2) to scores (T, N): above zero where a week is faulty."""
        return self.score(self.recurrent(seen)[0]).squeeze(-1)


# ---- intervals -----------------------------------------------------------------------------------
def intervals_of(marked: np.ndarray, gap: int = 2, shortest: int = 3) -> list[tuple[int, int]]:
    """(first week, week after the last) of each run of marked weeks, over gaps of up to `gap`; short ones
    left out.
    """
    found: list[list[int]] = []
    for week in np.flatnonzero(marked).tolist():
        if found and week - found[-1][1] <= gap:
            found[-1][1] = week + 1
        else:
            found.append([week, week + 1])
    return [(a, b) for a, b in found if b - a >= shortest]


def matched(ones: list[tuple[int, int]], others: list[tuple[int, int]]) -> int:
    """How many of the one intervals are covered by others for at least half of their length."""
    return sum(any(2 * (min(b, d) - max(a, c)) >= b - a for c, d in others) for a, b in ones)


def counts_of(marked: np.ndarray, faulty: np.ndarray) -> np.ndarray:
    """(faults, faults found, intervals marked, of these right, weeks faulty, of these marked, weeks
    marked)
    """
    real, found = intervals_of(faulty, gap=0, shortest=1), intervals_of(marked)
    both = int((marked & faulty).sum())
    intervals = (len(real), matched(real, found), len(found), matched(found, real))
    return np.array([*intervals, faulty.sum(), both, marked.sum()])


def scores_of(counts: np.ndarray) -> list[str]:
    """Precision and recall of intervals, their F1, and F1 of weeks."""
    real, hit, marked, right, weeks, both, claimed = counts
    precision, recall = right / max(1, marked), hit / real
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return [f"{value:.1%}" for value in (precision, recall, f1, 2 * both / (weeks + claimed))]


# ---- baselines -----------------------------------------------------------------------------------
def surprise(values: np.ndarray, train: int) -> np.ndarray:
    """How far each week (from YEAR on) is from its forecast by a linear autoregression, averaged over
    seven weeks.
    """
    error = np.abs(values - baselines.autoregression(values, YEAR + 4, 1, train))
    return np.convolve(np.nan_to_num(error), np.full(7, 1 / 7), "same")[YEAR:]


def best_threshold(scores: np.ndarray, faulty: np.ndarray) -> float:
    """The threshold with the best F1 over weeks."""

    def f1(threshold):
        marked = scores > threshold
        return 2 * (marked & faulty).sum() / (marked.sum() + faulty.sum())

    return max(np.quantile(scores, np.linspace(0.5, 0.995, 60)), key=f1)


def main() -> None:
    # 2. Fix what is random, so that a rerun gives the same numbers.
    args = parsed(option_parser(__doc__, learning_rate=0.01, epochs=25))
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, model {args.model}, device {args.device}")

    # 3. Get the data. 4. Turn it into numbers: the network sees changes, not levels.
    values = co2(interpolate=True).values
    cut = len(values) * 6 // 10
    record, later = values[:cut], values[cut - YEAR :]

    # 5. Make batches: every piece has faults of its own.
    train = DataLoader(Faults(record, 512, args.seed), batch_size=32)
    model = Watch(args.model).to(args.device)

    # 7. Choose the loss, the optimizer, and how the learning rate moves.
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    scheduler = one_cycle(optimizer, args.epochs * len(train))
    checkpoint = Checkpoint(args, "faults", model=model, optimizer=optimizer, scheduler=scheduler)
    done, history = checkpoint.begin("training loss")

    # 8. Train: forward, loss, backward, step.
    with checkpoint:  # Ctrl-C says how to go on
        for epoch in range(done, args.epochs):
            model.train()
            train.dataset.random = np.random.default_rng([args.seed, epoch])  # --resume draws the same faults
            total = 0.0
            for seen, faulty in progress(train, f"epoch {epoch + 1}"):
                optimizer.zero_grad()
                loss = criterion(model(seen.transpose(0, 1).to(args.device)), faulty.T.to(args.device))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                total += loss.item()
            history["training loss"].append(total / len(train))
            print(f"epoch {epoch + 1:2}: loss {total / len(train):.4f}")

            # 9. Save everything that training goes on from.
            checkpoint.save(epoch + 1, history)
            save_curves(checkpoint.picture, history, f"Faults, {args.model.upper()}")

    # 10. Judge it on the later years, with new faults, beside thresholds chosen on the earlier ones.
    model.eval()
    random = np.random.default_rng(args.seed + 1)
    trials = [with_faults(later, random) for _ in range(20)]
    ours = f"{args.model.upper()}, {args.epochs} epochs"
    names = ["far from a year ago", "far from the forecast (autoregression)", ours]
    totals = {name: np.zeros(7) for name in names}
    earlier, faulty = with_faults(record, random)
    far = best_threshold(np.abs(features_of(earlier)[:, 1]), faulty[YEAR:])
    odd = best_threshold(surprise(earlier, len(earlier)), faulty[YEAR:])
    for broken, where in trials:
        seen = features_of(broken)
        with torch.no_grad():
            scores = model(torch.from_numpy(seen).unsqueeze(1).to(args.device)).squeeze(1).cpu().numpy()
        whole = np.concatenate([record[:-YEAR], broken])  # the autoregression is fitted to the years before
        marks = (np.abs(seen[:, 1]) > far, surprise(whole, cut - YEAR)[-len(seen) :] > odd, scores > 0)
        for name, marked in zip(names, marks, strict=True):
            totals[name] += counts_of(marked, where[YEAR:])
    print_columns(
        f"{totals[names[0]][0]:.0f} faults in {len(trials)} versions of {len(later) - YEAR} weeks",
        ["", "precision", "recall", "F1", "F1 of weeks"],
        [[name, *scores_of(counts)] for name, counts in totals.items()],
    )
    print(f"\n{checkpoint}")


if __name__ == "__main__":
    main()
