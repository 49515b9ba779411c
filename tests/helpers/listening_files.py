"""Files that listeners send back."""

KINDS = {
    "Reference": "reference",
    "Low-pass anchor": "anchor",
    "Mixture": "anchor",
    "one": "system",
    "[b]two": "system",
}
TARGETS = ("drums", "vocals")


def session(listener, ratings, test="t"):
    """A file's content; ratings: (pages, stimuli)."""
    trials = [
        {
            "track": f"song {page // 2}",
            "target": TARGETS[page % 2],
            "start": 1.5,
            "seconds": 20.0,
            "ratings": [
                {"name": name, "kind": kind, "rating": int(rating)}
                for (name, kind), rating in zip(KINDS.items(), row, strict=True)
            ],
        }
        for page, row in enumerate(ratings)
    ]
    about = {"format": 1, "test": test, "session": f"{listener}-{test}", "listener": listener, "device": "headphones"}
    return about | {"started": "2026-01-01T10:00:00Z", "finished": "2026-01-01T10:20:00Z", "trials": trials}
