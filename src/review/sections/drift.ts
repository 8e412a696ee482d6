import type { Drift } from '../../committed/drift.ts';
import type { Admission } from '../../policy/admission.ts';
import { type Block, type Line, outside, toned } from '../outline.ts';
import { enumerate, namesInWords, portsInWords } from '../wording.ts';

/** How many hosts and prefixes, or files, a line spells out. */
const SHOWN = 5;

/** Rule files that say something else than a run wrote, and what the run does about them. */
export function driftSection(drift: readonly Drift[]): Block[] {
  if (drift.length === 0) return [];
  return [
    { kind: 'heading', level: 2, line: ['Drift'] },
    {
      kind: 'list',
      of: ['edited target', 'edited targets'],
      items: drift.map(
        (one): Line => [
          toned('edited', 'attention'),
          ` (${PLACES[one.where]}): `,
          outside(one.files.join(' ')),
          ' — ',
          says(one),
        ],
      ),
    },
  ];
}

/** One drift in a sentence without a full stop. */
export function driftInWords(drift: Drift): string {
  const files = drift.files.slice(0, SHOWN).join(', ');
  const more = drift.files.length > SHOWN ? ` and ${drift.files.length - SHOWN} more` : '';
  return `${files}${more} ${drift.files.length === 1 ? 'was' : 'were'} edited by hand, a hook or a filter: ${says(drift)}`;
}

const PLACES = {
  committed: 'as committed',
  'working tree': 'in the working tree',
  directory: 'in the directory',
  before: 'as it was before',
  after: 'as it is after',
} as const;

/** What edited files let through or lack, without what a run does about it. */
export function differenceInWords({ target, lets, lacks, problem, unread }: Drift): string {
  if (unread !== undefined)
    return `${target} cannot be read whole: ${unreadInWords(unread)}; ${restOf(lets, lacks)}`;
  if (problem !== undefined) return `${target} cannot be read: ${problem}`;
  const parts = [
    ...(lets.isEmpty ? [] : [`${target} lets ${things(lets)} through`]),
    ...(lacks.isEmpty ? [] : [`${target} lacks ${things(lacks)}`]),
  ];
  return parts.length === 0 ? `${target} allows the same` : enumerate(parts);
}

function says(drift: Drift): string {
  // What became of it since is in the line of the target.
  if (drift.where === 'before') return differenceInWords(drift);
  const run = drift.where === 'after' ? 'the next run' : 'the run';
  const { target, lets, lacks, planned, problem, unread } = drift;
  if (unread !== undefined) return `${differenceInWords(drift)}; ${run} writes it anew`;
  if (problem !== undefined) return `${target} cannot be read (${problem}); ${run} writes it anew`;
  const parts = [
    ...(lets.isEmpty ? [] : [`${target} lets ${things(lets)} through; ${takesAway(run, lets, planned)}`]),
    ...(lacks.isEmpty ? [] : [`${target} lacks ${things(lacks)}; ${putsBack(run, lacks, planned)}`]),
  ];
  return parts.length === 0 ? `${target} allows the same; ${run} writes it anew` : enumerate(parts);
}

/** `TARGET/a.txt:12 ("# mine")`: lines of which nobody can say what the device makes. */
function unreadInWords(unread: NonNullable<Drift['unread']>): string {
  const said = unread
    .slice(0, SHOWN)
    .map(({ path, line, text }) => `${path}:${line} (${JSON.stringify(shortened(text))})`);
  return `${said.join(', ')}${unread.length > SHOWN ? ` and ${unread.length - SHOWN} more lines` : ''}`;
}

/** How much of a line that cannot be read is shown. */
const LINE_SHOWN = 60;

function shortened(text: string): string {
  return text.length > LINE_SHOWN ? `${text.slice(0, LINE_SHOWN)}…` : text;
}

/** What the lines let through and lack that can be read; the others may add to it, and take away. */
function restOf(lets: Admission, lacks: Admission): string {
  const parts = [
    ...(lets.isEmpty ? [] : [`lets ${things(lets)} through`]),
    ...(lacks.isEmpty ? [] : [`lacks ${things(lacks)}`]),
  ];
  return `the rest of it ${parts.length === 0 ? 'lets through what it should' : enumerate(parts)}`;
}

/** What becomes of what edited files let through: a week may bring the same by itself. */
function takesAway(run: string, lets: Admission, planned: Admission | undefined): string {
  if (planned === undefined || lets.intersection(planned).isEmpty) return `${run} takes it away`;
  return lets.difference(planned).isEmpty
    ? 'this week brings the same'
    : `${run} takes away what this week does not bring`;
}

/** What becomes of what edited files lack: a week may have lost it by itself. */
function putsBack(run: string, lacks: Admission, planned: Admission | undefined): string {
  if (planned === undefined || lacks.difference(planned).isEmpty) return `${run} puts it back`;
  return lacks.intersection(planned).isEmpty
    ? 'this week does not have it any more'
    : `${run} puts back what this week still has`;
}

function things(admission: Admission): string {
  const items = [
    ...namesInWords(admission),
    ...admission.grants.flatMap(({ addresses, ports }) =>
      addresses.toStrings().map((prefix) => `${prefix} (${portsInWords(ports)})`),
    ),
  ];
  return `${items.slice(0, SHOWN).join(', ')}${items.length > SHOWN ? ` and ${items.length - SHOWN} more` : ''}`;
}
