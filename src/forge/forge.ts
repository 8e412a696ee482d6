import { AllowlistError } from '../problem.ts';

/** A change that people shall approve: what a pull request says. */
export interface Proposal {
  /** The branch that holds the change. */
  readonly source: string;
  /** The branch that it is for. */
  readonly target: string;
  readonly title: string;
  /** Markdown, of any length: a forge cuts it to its own limit. */
  readonly body: string;
  /** Labels of this tool; labels that others gave stay. */
  readonly labels: readonly string[];
  /** Names of users, as the forge spells them; asked when the pull request is opened. */
  readonly reviewers: readonly string[];
  /** A draft cannot be merged by mistake. */
  readonly draft: boolean;
  /** Merge once the forge's own conditions (approvals, pipelines) are met. */
  readonly autoMerge: boolean;
}

/** A week that was refused: what an issue says. */
export interface Notice {
  readonly title: string;
  /** Markdown. */
  readonly body: string;
  /** By this label the issue is found again while it is open: it must be its own. */
  readonly label: string;
}

/** Where a pull request or an issue stands. */
export interface Published {
  readonly action: 'opened' | 'updated' | 'unchanged';
  readonly url: string;
  /** As people name it: `#12`, `!12`. */
  readonly reference: string;
}

/** Where repositories, pull requests and issues live, as far as a weekly job needs it. */
export interface Forge {
  /** Its name for people. */
  readonly name: string;
  /**
   * Opens a pull request from `source` to `target`, or updates the one that is open.
   * @throws ForgeError
   */
  propose(proposal: Proposal): Promise<Published>;
  /**
   * Opens an issue, or updates the open one with the same label.
   * @throws ForgeError
   */
  tell(notice: Notice): Promise<Published>;
}

/** A forge that did not do what it was asked; the message holds no secret. */
export class ForgeError extends AllowlistError {
  override readonly name = 'ForgeError';
  /** The status of the answer; undefined where none came. */
  readonly status: number | undefined;

  constructor(
    summary: string,
    problem: { readonly where: string; readonly what: string; readonly next?: string },
    { status, ...options }: ErrorOptions & { readonly status?: number | undefined } = {},
  ) {
    super(summary, [problem], options);
    this.status = status;
  }
}

/** The labels that this tool gives to pull requests: of them only those of the last run stay. */
export const VERDICT_LABELS = ['routine', 'look', 'accepted-guard'] as const;

export type VerdictLabel = (typeof VERDICT_LABELS)[number];

/** The labels that a pull request shall have: those of others, and this run's. */
export function labelsAfter(present: readonly string[], wanted: readonly string[]): string[] {
  const ours: readonly string[] = VERDICT_LABELS;
  return [...new Set([...present.filter((label) => !ours.includes(label)), ...wanted])];
}

/** Whether two lists of labels hold the same; forges have orders of their own. */
export function sameLabels(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((label) => other.includes(label));
}
