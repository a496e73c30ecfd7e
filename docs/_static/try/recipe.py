import minigrad as torch  # 1. what is needed
from minigrad import nn, viz
from minigrad.datasets import sunspots
from minigrad.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # 2. what is random
series = torch.tensor(sunspots().values, dtype=torch.float32)  # 3. data: sunspots, 309 years
series = (series.sqrt() - 6) / 3  # 4. as numbers near zero, in windows of 22 years
windows = torch.stack([series[i : i + 22] for i in range(len(series) - 22)]).unsqueeze(-1)
targets = series[22:]
train = DataLoader(TensorDataset(windows[:225], targets[:225]), batch_size=32, shuffle=True)  # 5. batches


class Forecaster(nn.Module):  # 6. the model; nn.RNN and nn.GRU go here as well
    def __init__(self):
        super().__init__()
        self.recurrent = nn.LSTM(1, 32, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(self, x):  # x (N, 22, 1)
        outputs, _ = self.recurrent(x)
        return self.out(outputs[:, -1]).squeeze(-1)  # (N,)


model = Forecaster()
loss_of = nn.MSELoss()  # 7. loss and optimizer
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
curve = []
for epoch in range(40):  # 8. training
    total = 0.0
    for x, y in train:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    curve.append(total / len(train))
    if (epoch + 1) % 10 == 0:
        print(f"epoch {epoch + 1}: loss {curve[-1]:.3f}")
torch.save(model.state_dict(), "sunspots.pt")  # 9. saving
with torch.no_grad():  # 10. judging, beside "as last year"
    ours, last_year = model(windows[225:]), windows[225:, -1, 0]
print(f"LSTM {loss_of(ours, targets[225:]):.3f}, as last year {loss_of(last_year, targets[225:]):.3f}")

display(viz.curves({"training loss": curve}, "Sunspots", log_y=True))
names = dict(model.named_parameters())
viz.graph(loss_of(model(windows[:4]), targets[:4]), names=names)
