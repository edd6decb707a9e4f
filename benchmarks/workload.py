"""What the sides of `matching` read: some papers and many subscribers, in files.

    python -m benchmarks.workload FOLDER 1000000 1000

Made in a process of its own, for it takes much memory.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from benchmarks import corpus, subscribers

PAPERS = "papers.jsonl.gz"
SUBSCRIBERS = "subscribers.tsv"

_ROOT = Path(__file__).resolve().parents[1]


def make(folder: Path, subscriber_count: int, paper_count: int) -> str:
    """Put the files into the folder; what they are, in a sentence."""
    command = [sys.executable, "-m", "benchmarks.workload", str(folder)]
    done = subprocess.run(
        [*command, str(subscriber_count), str(paper_count)],
        cwd=_ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def main(folder: Path, subscriber_count: int, paper_count: int) -> str:
    """Write the files; what they are. ValueError where there are too few papers."""
    path = corpus.found()
    papers = list(corpus.read(path))
    origin = path.name if path else "made-up ones"
    if len(papers) < paper_count:
        raise ValueError(f"{origin}: {len(papers)} papers, {paper_count} are needed")
    drawn = subscribers.draw(papers, subscriber_count)
    distinct = subscribers.write(folder / SUBSCRIBERS, drawn)
    corpus.write(folder / PAPERS, random.Random(3).sample(papers, paper_count))
    return (
        f"{paper_count:,} papers out of {len(papers):,} ({origin}); {subscriber_count:,}"
        f" subscribers with {distinct:,} different keywords"
    )


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
