"""Time of networks against treatments, trials and arms, drawn into docs/explanation/figures.

OPENBLAS_NUM_THREADS=1 nice -n -15 python benchmarks/network_curves.py

One thread, so that curves of small and large networks are of one kind.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
from against_r.trials import simulate_trials
from cost_curves import FIGURES, Points, draw, time_median

import synovia as sv

TREATMENTS = (5, 10, 20, 50, 100, 200)
TRIALS = (30, 100, 300, 1_000, 3_000)
ARMS = (2, 3, 4, 6, 8, 10)
Sizes = list[tuple[int, int, int, tuple[int, ...]]]

Curves = dict[str, Points]


def time_sizes(sizes: Sizes) -> Curves:
    """Estimate, decomposition and splits of networks of (size, treatments, trials, arms)."""
    curves: Curves = {"network estimate, REML": [], "Q decomposed": [], "every split": []}
    for size, treatments, trials, arms in sizes:
        data = simulate_trials(treatments, trials, arms=arms)
        net = sv.network(data)
        found = [
            time_median(lambda data=data: sv.network(data)),  # type: ignore[misc]
            time_median(lambda net=net: net.decompose().tidy()),  # type: ignore[misc]
            time_median(lambda net=net: net.split(method="separation").tidy()),  # type: ignore[misc]
        ]
        for curve, seconds in zip(curves.values(), found, strict=True):
            curve.append((size, seconds))
        print(size, treatments, trials, arms, *(f"{1000 * one:.1f} ms" for one in found), flush=True)
    return curves


def main() -> None:
    """Measure, draw, and write PNG and SVG."""
    mpl.use("Agg")
    mixed = (2, 2, 2, 3)
    panels: tuple[tuple[str, str, Sizes], ...] = (
        ("600 trials", "treatments", [(t, t, 600, mixed) for t in TREATMENTS]),
        ("20 treatments", "trials", [(k, 20, k, mixed) for k in TRIALS]),
        ("20 treatments, 200 trials", "arms of every trial", [(m, 20, 200, (m,)) for m in ARMS]),
    )
    with mpl.rc_context(
        {"svg.hashsalt": "synovia", "font.size": 9, "axes.spines.right": False, "axes.spines.top": False}
    ):
        figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained", sharey=True)
        for ax, (title, label, sizes) in zip(axes, panels, strict=True):
            for (name, points), marker in zip(time_sizes(sizes).items(), "os^", strict=True):
                draw(ax, points, name, marker=marker)
            ax.set(title=title, xlabel=label, ylabel="seconds" if ax is axes[0] else "")
            ticks = [size for size, *_ in sizes]
            ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            ax.minorticks_off()
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
        )
        FIGURES.mkdir(parents=True, exist_ok=True)
        figure.savefig(FIGURES / "networks.svg", metadata={"Date": None})
        figure.savefig(FIGURES / "networks.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
