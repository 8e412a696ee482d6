import type { ToldReview } from '../review/told.ts';
import type { Notice, Proposal, VerdictLabel } from './forge.ts';

/** What a refused week is found again by. */
export const REFUSED_LABEL = 'azure-allowlist-refused';

/** What of the configuration bears on the words and marks of a pull request. */
export interface ProposalConfig {
  readonly reviewers: readonly string[];
  /** Given beside those of the verdict. */
  readonly labels: readonly string[];
  /** Only a routine change is ever merged without people. */
  readonly autoMerge: boolean;
}

/** What a pull request is for. */
export interface ProposedChange {
  /** Of everything that the change holds. */
  readonly reviews: readonly Pick<ToldReview, 'verdict' | 'isAccepted'>[];
  readonly title: string;
  /** Markdown. */
  readonly body: string;
}

/** The pull request of a change, with marks by the verdicts of its reviews: the sternest counts. */
export function proposalOf(
  { reviews, title, body }: ProposedChange,
  branches: Pick<Proposal, 'source' | 'target'>,
  { reviewers, labels, autoMerge }: ProposalConfig,
): Proposal {
  const levels = reviews.map(({ verdict }) => verdict.level);
  const accepted = reviews.some(({ isAccepted }) => isAccepted);
  const marks: VerdictLabel[] = [
    levels.every((level) => level === 'routine' || level === 'nothing') ? 'routine' : 'look',
    ...(accepted ? (['accepted-guard'] as const) : []),
  ];
  return {
    ...branches,
    title,
    body,
    labels: [...marks, ...labels],
    reviewers,
    draft: accepted,
    autoMerge: autoMerge && levels.every((level) => level === 'routine') && !accepted,
  };
}

/** The issue of a week that guards refused: what was refused, and the command that accepts it. */
export function noticeOf(refusal: {
  /** The guards that refused, with what each says. */
  readonly guards: readonly { readonly guard: string; readonly message: string }[];
  /** What names the configuration on the command line of the job. */
  readonly arguments: readonly string[];
  /** Two configurations of one repository have two issues. */
  readonly label: string | undefined;
}): Notice {
  const names = [...new Set(refusal.guards.map(({ guard }) => guard))];
  const words = refusal.arguments.map(shellWord).join(' ');
  const command = `azure-allowlist run ${words} --accept ${names.join(',')}`;
  const body = [
    'The weekly job refused to publish. The rule files in force stand as they are, and devices keep what they have.',
    ...refusal.guards.map(
      ({ guard, message }) => `### ${guard}\n\n${message.split('\n').map(quoted).join('\n')}`,
    ),
    '### What to do',
    'Find out whether the figures are right: mend the cause, wait for the next file, or accept this week once. The acceptance is recorded in the lock and in the review.',
    `\`\`\`sh\n${command}\n\`\`\``,
    'Close this issue when it is settled; a later refusal opens a new one.',
  ].join('\n\n');
  return {
    title: `Azure allowlist: refused by ${names.join(', ')}`,
    body: `${body}\n`,
    label: refusal.label ?? REFUSED_LABEL,
  };
}

/** A line as a quotation of code: what stands in it came from a feed. */
function quoted(line: string): string {
  return `    ${line.replace(/\p{Cc}/gu, ' ')}`;
}

function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
