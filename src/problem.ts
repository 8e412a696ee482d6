/** One thing that is wrong with an input, told so that its reader can mend it. */
export interface Problem {
  /** The place: a file, a key path (`rules[0].ports[1]`), a JSON path, a flag. */
  readonly where: string;
  /** What is wrong there, with the offending value. */
  readonly what: string;
  /** What to do about it, when that is not obvious from `what`. */
  readonly next?: string;
}

/** How many problems a message spells out; the rest are counted. */
const SHOWN = 20;

export function describeProblems(problems: readonly Problem[]): string {
  const lines = problems
    .slice(0, SHOWN)
    .map(({ where, what, next }) => `  ${where}: ${what}${next === undefined ? '' : ` — ${next}`}`);
  if (problems.length > SHOWN) lines.push(`  … and ${problems.length - SHOWN} more`);
  return lines.join('\n');
}

/** The exit statuses of the command line, by what went wrong. */
export const EXIT_STATUS = {
  done: 0,
  failed: 1,
  differs: 2,
  refused: 3,
  feed: 4,
  configuration: 5,
} as const satisfies Record<string, number>;

export type ExitStatus = (typeof EXIT_STATUS)[keyof typeof EXIT_STATUS];

/** An error that the product expects and explains; anything else is a defect. */
export class AllowlistError extends Error {
  override readonly name: string = 'AllowlistError';
  readonly exitStatus: ExitStatus = EXIT_STATUS.failed;
  readonly problems: readonly Problem[];

  constructor(summary: string, problems: readonly Problem[] = [], options?: ErrorOptions) {
    super(problems.length === 0 ? summary : `${summary}\n${describeProblems(problems)}`, options);
    this.problems = problems;
  }
}

/** The configuration, a flag, a template or an endpoint table is wrong. */
export class ConfigurationError extends AllowlistError {
  override readonly name = 'ConfigurationError';
  override readonly exitStatus = EXIT_STATUS.configuration;
}

/** The feed cannot be fetched, or what came is not a usable feed. */
export class FeedError extends AllowlistError {
  override readonly name = 'FeedError';
  override readonly exitStatus = EXIT_STATUS.feed;
}

/** A guard refused the run; the previous output stands. */
export class GuardRefusal extends AllowlistError {
  override readonly name = 'GuardRefusal';
  override readonly exitStatus = EXIT_STATUS.refused;
}
