const Z = 1.959963984540054; // the normal distribution's 97.5 % point

/** The share of something that happened so many times of so many, and its 95 % interval. */
export interface Share {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson's interval of a share: "Probable inference, the law of succession, and statistical inference", Journal of the
 * American Statistical Association 1927. It stays within 0 and 1, and holds for few trials.
 */
export function wilson(times: number, trials: number): Share {
  if (!trials) return { value: NaN, low: 0, high: 1 };
  const value = times / trials;
  const scale = 1 + Z ** 2 / trials;
  const centre = (value + Z ** 2 / (2 * trials)) / scale;
  const half = (Z / scale) * Math.sqrt((value * (1 - value)) / trials + Z ** 2 / (4 * trials ** 2));
  return { value, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** A row of the table of votes. */
export interface Row extends Share {
  readonly name: string;
  readonly votes: number;
}

/** Counts which version was the best in each round. */
export class Votes {
  undecided = 0;
  private readonly counts: Map<string, number>;

  constructor(names: readonly string[]) {
    this.counts = new Map(names.map((name) => [name, 0]));
  }

  /** @param name null where no version was better than the others */
  add(name: string | null): void {
    if (name === null) this.undecided += 1;
    else this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** Rounds in which a version was chosen. */
  get decided(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The versions, most votes first. */
  get rows(): Row[] {
    const { decided } = this;
    return [...this.counts].map(([name, votes]) => ({ name, votes, ...wilson(votes, decided) })).sort((one, other) => other.votes - one.votes);
  }
}

/** A random order in which every one is equally likely. */
export function shuffled<T>(list: readonly T[], random: () => number = uniform): T[] {
  const found = [...list];
  for (let i = found.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [found[i], found[j]] = [found[j]!, found[i]!];
  }
  return found;
}

/** A random number from 0 to below 1 that nobody can foresee. */
export function uniform(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32;
}
