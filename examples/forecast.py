"""How many sunspots next year, how much CO2 in four weeks? A recurrent network reads the past and forecasts.

    python examples/forecast.py                             sunspots, a few seconds
    python examples/forecast.py --series co2 --model gru    weekly CO2 on Mauna Loa, half a minute

The ten steps are those of any sequence model: look for "1." to "10.".
"""

# 1. Bring in what is needed.
import numpy as np
from shared import RECURRENT, Checkpoint, one_cycle, option_parser, parsed, print_table, progress

import minigrad as torch
from minigrad import nn
from minigrad.datasets import baselines, co2, sunspots
from minigrad.sequences import StandardScaler, Windows
from minigrad.utils.data import DataLoader, TensorDataset
from minigrad.viz import save_curves

# per series: how it is read, steps seen, steps ahead, steps in a season, whether change repeats, not level
SERIES = {
    "sunspots": {
        "read": sunspots,
        "history": 22,
        "horizon": 1,
        "period": 11,
        "trend": False,
        "epochs": 60,
        "lr": 0.01,
    },
    "co2": {
        "read": lambda: co2(interpolate=True),
        "history": 104,
        "horizon": 4,
        "period": 52,
        "trend": True,
        "epochs": 40,
        "lr": 0.003,
    },
}


# 6. Define the model: a layer reads the window step by step; its last output and the window give a forecast.
class Forecaster(nn.Module):
    def __init__(self, kind: str, history: int, hidden: int = 32):
        super().__init__()
        self.recurrent = RECURRENT[kind](1, hidden, batch_first=True)
        self.from_state = nn.Linear(hidden, 1)
        self.from_window = nn.Linear(history, 1)  # an autoregression: gates need not learn what is linear
        nn.init.zeros_(self.from_window.weight)

    def forward(self, windows):
        """windows (N, history). Returns forecasts (N,)."""
        outputs, _ = self.recurrent(windows.unsqueeze(-1))
        return (self.from_state(outputs[:, -1]) + self.from_window(windows)).squeeze(-1)


def inputs_and_targets(windows: Windows, trend: bool):
    """Pasts (N, history), the values where the futures end (N,), and what to add back to a forecast (N,).

    With a trend both are taken relative to the past's last value, as the level itself never comes again.
    """
    level = windows.past[:, -1] if trend else torch.zeros(len(windows))
    return windows.past - level.unsqueeze(1), windows.future[:, -1] - level, level


def main() -> None:
    # 2. Fix what is random, so that a rerun gives the same numbers.
    parser = option_parser(__doc__)
    parser.add_argument("--series", choices=list(SERIES), default="sunspots", help="which series to forecast")
    args = parsed(parser)
    setting = SERIES[args.series]
    epochs, rate = args.epochs or setting["epochs"], args.lr or setting["lr"]
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, model {args.model}, device {args.device}")

    # 3. Get the data: a series from the box. Counts of spots spread as their roots do; undone for the scores.
    series = setting["read"]()
    values = series.values if setting["trend"] else np.sqrt(series.values)

    # 4. Cut it into windows, the last fifth held out; mean and deviation are those of the training part.
    ahead, seen = setting["horizon"], len(values) - len(values) // 5
    past = Windows(values, setting["history"], ahead, stop=seen)
    held_out = Windows(values, setting["history"], ahead, start=seen - ahead + 1)
    x, y, _ = inputs_and_targets(past, setting["trend"])
    x_test, _, level = inputs_and_targets(held_out, setting["trend"])
    x_scaler, y_scaler = StandardScaler(per_channel=False).fit(x), StandardScaler().fit(y)
    x, y, x_test = (
        x_scaler.transform(x).float(),
        y_scaler.transform(y).float(),
        x_scaler.transform(x_test).float(),
    )

    # 5. Make batches.
    train = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = Forecaster(args.model, setting["history"]).to(args.device)

    # 7. Choose the loss, the optimizer, and how the learning rate moves.
    criterion = nn.SmoothL1Loss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    scheduler = one_cycle(optimizer, epochs * len(train))

    when = held_out.when.numpy() + ahead - 1  # the steps that are forecast

    def held_out_error() -> float:
        """The mean absolute error of the forecasts on the part held out, in the series' own unit."""
        model.eval()
        with torch.no_grad():
            forecast = model(x_test.to(args.device)).cpu().double()
        forecast = (y_scaler.inverse(forecast) + level).numpy()
        forecast = forecast if setting["trend"] else np.maximum(forecast, 0) ** 2
        return float(np.abs(forecast - series.values[when]).mean())

    checkpoint = Checkpoint(args, args.series, model=model, optimizer=optimizer, scheduler=scheduler)
    done, history = checkpoint.begin("training loss")

    # 8. Train: forward, loss, backward, step.
    with checkpoint:  # Ctrl-C says how to go on
        for epoch in progress(range(done, epochs), "training"):
            model.train()
            total = 0.0
            for windows, wanted in train:
                optimizer.zero_grad()
                loss = criterion(model(windows.to(args.device)), wanted.to(args.device))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                total += loss.item()
            history["training loss"].append(total / len(train))

            # 9. Save the model, the optimizer, and the random stream: `--resume` goes on as if nothing had
            # happened.
            checkpoint.save(epoch + 1, history)
    save_curves(checkpoint.picture, history, f"{series.name}, {args.model.upper()}", y_name="training loss")

    # 10. Judge it on the part it has not seen, beside what is to be had without it.
    def error_of(forecasts: np.ndarray) -> str:
        return f"{np.abs(forecasts - series.values)[when].mean():.3g}"

    season, lags = setting["period"], setting["history"]
    print_table(
        f"mean absolute error, {ahead} step{'s' * (ahead > 1)} ahead, {series.name} ({series.unit})",
        [
            ("last value", error_of(baselines.last_value(series.values, ahead))),
            (
                f"seasonal naive ({season} steps)",
                error_of(baselines.seasonal_naive(series.values, season, ahead)),
            ),
            (
                f"autoregression ({lags} lags)",
                error_of(baselines.autoregression(series.values, lags, ahead, seen)),
            ),
            (f"{args.model.upper()} ({epochs} epochs)", f"{held_out_error():.3g}"),
        ],
    )
    print(f"\n{checkpoint}")


if __name__ == "__main__":
    main()
